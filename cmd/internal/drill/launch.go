package drill

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"infer/eval"
	"infer/report/route"
)

// Launch says how a gateway is started.
type Launch struct {
	// Command is the program and its arguments; {config}, {host} and {port} stand for
	// the redirected file and where to listen. Without {port} the gateway is expected
	// to print its URL.
	Command []string
	Format  string
	Keys    []string // variables that the file names; they get values that are no keys
	Path    string   // PATH of the child
	Wait    time.Duration
}

// Running is a gateway that was started.
type Running struct {
	Base string // http://127.0.0.1:PORT
	Key  string // for its own door

	cmd  *exec.Cmd
	done chan error
	out  *tail
	dir  string
}

// stopTime is how long a gateway may take to end before it is killed.
const stopTime = 5 * time.Second

// Start writes the redirected file into a folder of its own and starts the gateway
// in a process group of its own, on loopback, with an environment of nothing but
// what it needs. Stop must be called.
func Start(ctx context.Context, l Launch, file []byte, port int) (*Running, error) {
	dir, err := os.MkdirTemp("", "infer-drill-")
	if err != nil {
		return nil, err
	}
	r := &Running{dir: dir, done: make(chan error, 1), out: &tail{url: make(chan string, 1)}}
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.Key = "sk-" + hex.EncodeToString(key)
	config := filepath.Join(dir, "config."+extension(l.Format))
	if err := os.WriteFile(config, file, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	args := make([]string, len(l.Command))
	known := false
	for i, a := range l.Command {
		known = known || strings.Contains(a, "{port}")
		args[i] = strings.NewReplacer("{config}", config, "{host}", "127.0.0.1", "{port}", strconv.Itoa(port)).Replace(a)
	}
	r.cmd = exec.Command(args[0], args[1:]...) //nolint:noctx // Stop ends it with its whole process group
	r.cmd.Dir, r.cmd.Env = dir, l.environment(r.Key, dir)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		return nil, eval.WithHint(eval.KindOperational, errors.Join(fmt.Errorf("start the gateway: %w", err), os.RemoveAll(dir)), "give its command with --launch")
	}
	go func() { r.done <- r.cmd.Wait() }()
	if known {
		r.Base = fmt.Sprintf("http://127.0.0.1:%d", port)
	}
	if err := r.ready(ctx, l); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func extension(format string) string {
	f, err := route.Lookup(format)
	if err != nil {
		return "txt"
	}
	return f.Ext
}

// environment is all that the gateway gets to know: where programs are, and keys
// that are none.
func (l *Launch) environment(key, dir string) []string {
	env := []string{"PATH=" + l.Path, "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8", "NO_PROXY=127.0.0.1,localhost", "DO_NOT_TRACK=1", "PYTHONUNBUFFERED=1",
		"LITELLM_MASTER_KEY=" + key, "LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_TELEMETRY=False", "TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS=1"}
	for _, name := range l.Keys {
		env = append(env, name+"=drill")
	}
	return env
}

// ready waits for the gateway's address, if it draws its own, and for an answer.
func (r *Running) ready(ctx context.Context, l Launch) error {
	ctx, cancel := context.WithTimeout(ctx, l.Wait)
	defer cancel()
	fail := func(err error) error {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("the gateway did not start: %w\n%s", err, r.out.String()), "start it yourself and name it with --gateway URL")
	}
	if r.Base == "" {
		select {
		case r.Base = <-r.out.url:
		case err := <-r.done:
			r.done <- err
			return fail(fmt.Errorf("it ended: %w", err))
		case <-ctx.Done():
			return fail(errors.New("it printed no URL"))
		}
	}
	answered := make(chan error, 1)
	go func() { answered <- NewGateway(l.Format, r.Base, "", nil).Ready(ctx) }()
	select {
	case err := <-answered:
		if err != nil {
			return fail(err)
		}
		return nil
	case err := <-r.done:
		r.done <- err
		cancel()
		if asked := <-answered; asked != nil {
			err = errors.Join(err, asked)
		}
		return fail(fmt.Errorf("it ended: %w", err))
	}
}

// Stop ends the gateway and everything that it started, and removes its folder.
func (r *Running) Stop() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
	t := time.NewTimer(stopTime)
	defer t.Stop()
	select {
	case err := <-r.done:
		_ = err // it was told to end
	case <-t.C:
	}
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // what is left of the group
	_ = os.RemoveAll(r.dir)
}

// FreePort returns a port of loopback that nobody listens on.
func FreePort() (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// tail keeps the last of what a gateway prints, and the first URL in it.
type tail struct {
	mu   sync.Mutex
	buf  []byte
	seen bool
	url  chan string
}

const tailBytes = 4 << 10

var printedURL = regexp.MustCompile(`https?://(127\.0\.0\.1|localhost):[0-9]+`)

// Write keeps the end of what comes.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if u := printedURL.Find(t.buf); u != nil && !t.seen {
		t.seen = true
		t.url <- string(u)
	}
	if len(t.buf) > tailBytes {
		t.buf = t.buf[len(t.buf)-tailBytes:]
	}
	return len(p), nil
}

// String is the end of the gateway's output, safe to show.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return eval.Untrusted(t.buf).Block(2000)
}
