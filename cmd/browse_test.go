package cmd_test

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"sync"
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

func (s *screenOf) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.b.String(), text)
}

// TestBrowse runs the real program on a pseudo-terminal: it opens on the run,
// goes to the tasks and into one, and quits with 0.
func TestBrowse(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	base := program(t, dir, "browse", "quickstart", "--store", db)
	cmd := exec.CommandContext(ctx, base.Path, base.Args[1:]...)
	cmd.Dir, cmd.Env = base.Dir, append(base.Env, "TERM=xterm-256color", "NO_COLOR=1")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer tty.Close() //nolint:errcheck // a terminal of our own
	screen := &screenOf{}
	go func() { _, _ = io.Copy(screen, tty) }()
	wait := func(text string) {
		t.Helper()
		for ctx.Err() == nil {
			if screen.has(text) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("the screen never held %q:\n%q", text, screen.b.String())
	}
	press := func(keys string) {
		t.Helper()
		if _, err := tty.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	wait("gemma3-examples")
	press("3")
	wait("ticket-001")
	press("\r")
	wait("charged twice")
	press("q")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("it did not end well: %v", err)
	}
}
