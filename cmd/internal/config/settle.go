package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"infer/eval"
)

// Defaults where nothing else says.
const (
	defaultConcurrency = 8
	defaultRepeats     = 1
	defaultSeed        = 1
	defaultRetries     = 2
)

// DefaultMargin is the non-inferiority margin of a task type that names none: 5
// points.
const DefaultMargin = 0.05

// settle decides the values that several places may set.
func (c *Config) settle(s Sources) error {
	c.settleStore(s)
	for _, n := range []struct {
		key       string
		file      *int
		flag, def int
		max       int
		dest      *int
	}{
		{"concurrency", c.File.Concurrency, s.Flags.Concurrency, defaultConcurrency, 4096, &c.Concurrency},
		{"repeats", c.File.Repeats, s.Flags.Repeats, defaultRepeats, 1000, &c.Repeats},
	} {
		v := n.def
		if n.file != nil {
			v = *n.file
		}
		if err := c.envInt(n.key, func(text string) (err error) { v, err = strconv.Atoi(text); return err }); err != nil {
			return err
		}
		if n.flag != 0 {
			v = n.flag
			c.note(n.key, "", "flag --"+n.key)
		}
		if v < 1 || v > n.max {
			return eval.Invalid(fmt.Errorf("%s is %d (%s)", n.key, v, c.origin(n.key)), fmt.Sprintf("give a number from 1 to %d", n.max))
		}
		*n.dest = v
		c.note(n.key, strconv.Itoa(v), c.origin(n.key))
	}
	c.Seed = defaultSeed
	if c.File.Seed != nil {
		c.Seed = *c.File.Seed
	}
	if err := c.envInt("seed", func(text string) (err error) { c.Seed, err = strconv.ParseUint(text, 10, 64); return err }); err != nil {
		return err
	}
	if s.Flags.Seed != nil {
		c.Seed = *s.Flags.Seed
		c.note("seed", "", "flag --seed")
	}
	c.note("seed", strconv.FormatUint(c.Seed, 10), c.origin("seed"))
	c.noteFlags(s.Flags)
	return nil
}

// settleStore decides where attempts are kept. Only a path of the project file
// is relative to that file: the others are relative to the working directory.
func (c *Config) settleStore(s Sources) {
	c.StorePath = display(s.Dir, filepath.Join(s.Dir, ".infer", "infer.db"))
	if c.File.Store != "" {
		c.StorePath = c.Abs(c.File.Store)
	}
	if v := c.env("INFER_STORE"); v != "" {
		c.StorePath = v
		c.note("store", "", c.envOrigin("INFER_STORE"))
	}
	if s.Flags.Store != "" {
		c.StorePath = s.Flags.Store
		c.note("store", "", "flag --store")
	}
	c.note("store", c.StorePath, c.origin("store"))
}

// envInt reads a number from the environment variable INFER_KEY, if it is set.
func (c *Config) envInt(key string, read func(string) error) error {
	name := "INFER_" + strings.ToUpper(key)
	text := c.env(name)
	if text == "" {
		return nil
	}
	if err := read(text); err != nil {
		return eval.Invalid(fmt.Errorf("environment variable %s: %q is not a whole number", name, eval.Untrusted(text).Line(40)), "set it to a number, or unset it")
	}
	c.note(key, "", c.envOrigin(name))
	return nil
}

// envOrigin is the origin of a variable that is set.
func (c *Config) envOrigin(name string) string {
	if c.real(name) == "" {
		return "env " + name + " (.env)"
	}
	return "env " + name
}

// noteFlags records what flags set beyond single values, and the defaults that
// hold where no file says.
func (c *Config) noteFlags(f Flags) {
	if len(f.Models) > 0 {
		c.note("candidates", strings.Join(f.Models, ", "), "flag -m")
		c.places.forget("candidates")
	}
	c.note("live", strconv.FormatBool(f.Live), "default")
	if f.Live {
		c.note("live", "true", "flag --live")
	}
	for key, v := range map[string]string{"defaults.retries.max": strconv.Itoa(defaultRetries), "defaults.stream": "true"} {
		if _, ok := c.places[key]; !ok {
			c.note(key, v, "default")
		}
	}
}

// origin is where a value was found to come from.
func (c *Config) origin(key string) string {
	if v, ok := c.values[key]; ok {
		return v.Origin
	}
	if p, ok := c.places[key]; ok {
		return p.lineOnly()
	}
	return "default"
}

func (c *Config) note(key, value, origin string) { c.values[key] = Value{key, value, origin} }
