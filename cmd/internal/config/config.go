package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"infer/eval"
)

// Flags are what the command line sets; zero values set nothing.
type Flags struct {
	Config      string
	Store       string
	Concurrency int
	Repeats     int
	Seed        *uint64
	Models      []string // -m
	Live        bool
}

// Sources are all the places that a configuration comes from.
type Sources struct {
	Dir      string   // working directory
	Target   string   // an infer.yaml, a folder that may hold one, a dataset, "-" or "" for Dir
	UserFile string   // the user's own file; it need not be there; "" = none
	EnvFiles []string // files of variables that must be there; the last one wins
	Env      func(string) string
	Flags    Flags
}

// Config is the configuration of one invocation.
type Config struct {
	File
	Path string // of the project file; "" = none
	Dir  string // folder that its paths are relative to

	StorePath   string
	Concurrency int
	Repeats     int
	Seed        uint64
	Live        bool
	// Tasks are the dataset paths that the target names, else the file's.
	Tasks []string

	env    func(string) string // with the files of variables behind it
	real   func(string) string // the environment alone
	models []string
	values map[string]Value
	places places
}

// Load reads the configuration for a target and returns it with the dataset
// paths that the target or the project file names. The user's own file is where
// UserFile says.
func Load(dir, target string, flags Flags, env func(string) string) (*Config, []string, error) {
	c, err := LoadSources(context.Background(), Sources{Dir: dir, Target: target, UserFile: UserFile(env), Env: env, Flags: flags})
	if err != nil {
		return nil, nil, err
	}
	return c, c.Tasks, nil
}

// LoadSources reads the configuration. It checks everything that can be checked
// without a file that the configuration names: those are read where they are
// used. Errors are eval.KindInvalid with a hint.
func LoadSources(ctx context.Context, s Sources) (*Config, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c := &Config{Dir: s.Dir, env: s.Env, real: s.Env, models: s.Flags.Models, Live: s.Flags.Live, values: make(map[string]Value), places: make(places)}
	path, tasks, err := locate(s)
	if err != nil {
		return nil, err
	}
	if path != "" {
		c.Path, c.Dir = path, filepath.Dir(path)
	}
	if c.env, err = withEnvFiles(s.Env, c.Dir, path != "", s.EnvFiles); err != nil {
		return nil, err
	}
	if err := c.readUser(s.UserFile, s.Dir); err != nil {
		return nil, err
	}
	if err := c.readProject(s.Dir); err != nil {
		return nil, err
	}
	if err := c.settle(s); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.Tasks = tasks
	if len(tasks) == 0 {
		for _, d := range c.Dataset {
			c.Tasks = append(c.Tasks, c.Abs(d))
		}
	}
	return c, nil
}

// userKeys are the settings that the user's own file may hold; the others
// belong to a project.
var userKeys = []string{"store", "concurrency", "defaults", "providers", "prices"}

// readUser reads the user's own file, if it is there. Its paths are relative to
// itself.
func (c *Config) readUser(path, dir string) error {
	if path == "" {
		return nil
	}
	b, err := readFile(path, maxFile+1)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return eval.Invalid(fmt.Errorf("read configuration %s: %w", display(dir, path), reason(err)), "make it a file that you may read, or remove it")
	}
	d := &decoder{label: display(dir, path), places: c.places}
	if err := d.parse(b, reflect.ValueOf(&c.File).Elem()); err != nil {
		return err
	}
	for _, key := range keysOf(reflect.TypeFor[File]()) {
		if p, ok := c.places[key]; ok && !contains(userKeys, key) {
			return eval.Invalid(fmt.Errorf("%s: %s does not belong in your own file", p, key), "put it into the project's infer.yaml; here go "+strings.Join(userKeys, ", "))
		}
	}
	home := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	home(&c.Store)
	home(&c.Prices.File)
	for name, p := range c.Providers {
		home(&p.APIKeyFile)
		for i := range p.Cassette {
			home(&p.Cassette[i])
		}
		c.Providers[name] = p
	}
	return nil
}

// readProject reads the project file over what the user's own file says.
func (c *Config) readProject(dir string) error {
	if c.Path == "" {
		return nil
	}
	b, err := readFile(c.Path, maxFile+1)
	if err != nil {
		return eval.Invalid(fmt.Errorf("read configuration %s: %w", display(dir, c.Path), reason(err)), "name a file that you may read: --config FILE")
	}
	user := c.Prices.Models
	d := &decoder{label: display(dir, c.Path), places: c.places}
	if err := d.parse(b, reflect.ValueOf(&c.File).Elem()); err != nil {
		return err
	}
	if at, ok := c.places["prices.models"]; ok && at.file == d.label {
		if err := unique(c.Prices.Models); err != nil {
			return err
		}
		c.Prices.Models = addPrices(c.Prices.Models, user)
	}
	for _, name := range c.providerNames() {
		if at, ok := c.places["providers."+name+".api_key_cmd"]; ok && at.file == d.label {
			return eval.Invalid(fmt.Errorf("%s: a project file cannot run a command", at), "put this provider into your own file, $XDG_CONFIG_HOME/infer/infer.yaml")
		}
	}
	return nil
}

// Env returns an environment variable, also of the project's .env file. The real
// environment goes first.
func (c *Config) Env(name string) string { return c.env(name) }

// ReplayPath is the recording that answers every call; "" = none.
func (c *Config) ReplayPath() string { return c.Abs(c.Replay) }

// RecordPath is the file that real calls are recorded into; "" = none.
func (c *Config) RecordPath() string { return c.Abs(c.Record) }

// Abs makes a path of the project file relative to it.
func (c *Config) Abs(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// At returns where a setting stands, as FILE:LINE:COLUMN: its own place or that
// of the nearest setting around it; "" = in no file.
func (c *Config) At(key string) string {
	for key != "" {
		if p, ok := c.places[key]; ok {
			return p.String()
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return ""
}

// fail is an error about a setting.
func (c *Config) fail(key, hint, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if at := c.At(key); at != "" {
		what = at + ": " + what
	}
	return eval.Invalid(fmt.Errorf("%s", what), hint)
}
