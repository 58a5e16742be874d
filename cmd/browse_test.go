package cmd_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screenOf collects what a program writes to its terminal.
type screenOf struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screenOf) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screenOf) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *screenOf) has(text string) bool { return strings.Contains(s.all(), text) }

// onTerminal is the real program on a pseudo-terminal.
type onTerminal struct {
	t      *testing.T
	ctx    context.Context
	cmd    *exec.Cmd
	tty    *os.File
	screen *screenOf
}

// start runs the program on a terminal of 80 × 24. It is ended with the test.
func start(t *testing.T, dir string, args ...string) *onTerminal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	base := program(t, dir, args...)
	cmd := exec.CommandContext(ctx, base.Path, base.Args[1:]...)
	// Bubble Tea asks the terminal for its colours before main runs, and waits seconds
	// for one that does not answer, as this one; it does not ask tmux.
	cmd.Dir, cmd.Env = base.Dir, append(base.Env, "TERM=tmux-256color", "NO_COLOR=1", "CI=")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	o := &onTerminal{t, ctx, cmd, tty, &screenOf{}}
	go func() { _, _ = io.Copy(o.screen, tty) }()
	return o
}

// wait waits until the program has written a text.
func (o *onTerminal) wait(text string) *onTerminal {
	o.t.Helper()
	for o.ctx.Err() == nil {
		if o.screen.has(text) {
			return o
		}
		time.Sleep(20 * time.Millisecond)
	}
	o.t.Fatalf("the screen never held %q:\n%q", text, o.screen.all())
	return o
}

func (o *onTerminal) press(keys string) *onTerminal {
	o.t.Helper()
	if _, err := o.tty.WriteString(keys); err != nil {
		o.t.Fatal(err)
	}
	return o
}

// restored fails unless the terminal is as it was: the other screen is left, the
// cursor is seen, the mouse is the terminal's.
func (o *onTerminal) restored() {
	o.t.Helper()
	for _, sequence := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?1002l"} {
		o.wait(sequence)
	}
}

// TestBrowse runs the real program on a pseudo-terminal: it opens on the run, goes
// to the tasks and into one, through the other screens, and quits with 0.
func TestBrowse(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	o := start(t, dir, "browse", "quickstart", "--store", db)
	o.wait("gemma3-examples").press("3").wait("ticket-001").press("\r").wait("charged twice").press("2").wait("cost of an accepted task").press("4").wait("what if").press("0").wait("updated (UTC)").press("q")
	if err := o.cmd.Wait(); err != nil {
		t.Fatalf("it did not end well: %v", err)
	}
	o.restored()
}

// TestBrowseEnds: whatever ends the browser, the terminal is restored.
func TestBrowseEnds(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	for name, end := range map[string]func(o *onTerminal){
		"ctrl-c":  func(o *onTerminal) { o.press("\x03") },
		"SIGTERM": func(o *onTerminal) { _ = o.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			o := start(t, dir, "browse", "--store", db)
			end(o.wait("quickstart"))
			_ = o.cmd.Wait()
			o.restored()
		})
	}
}
