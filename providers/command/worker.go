package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"infer/providers"
)

const (
	maxLine   = 32 << 20 // bytes of one answer
	maxStderr = 16 << 10 // bytes of standard error that are looked at: the last ones
	maxWords  = 1500     // bytes of it that are kept
	grace     = 2 * time.Second
)

// worker is one running program.
type worker struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan line
	reaped chan struct{} // closed when the program has ended and its end is known
	once   sync.Once

	mu     sync.Mutex
	stderr []byte
}

// line is one line of output, or why there is none.
type line struct {
	text []byte
	at   time.Time
	err  error
}

// endedError says that a program ended, and how.
type endedError struct{ how string }

// Error says how.
func (e *endedError) Error() string { return "the program ended: " + e.how }

// start starts a program.
func start(cfg *Config) (*worker, error) {
	w := &worker{lines: make(chan line, 1), reaped: make(chan struct{})}
	w.cmd = exec.Command(cfg.Command[0], cfg.Command[1:]...) //nolint:noctx // it outlives the call that started it
	w.cmd.Dir, w.cmd.Env, w.cmd.Stderr = cfg.Dir, cfg.Env, stderr{w}
	w.cmd.WaitDelay = grace
	alone(w.cmd)
	var err error
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Command[0], err)
	}
	go w.read(stdout)
	return w, nil
}

// read hands lines over as they come, until the output ends.
func (w *worker) read(stdout io.Reader) {
	defer close(w.lines)
	in := bufio.NewReaderSize(stdout, 64<<10)
	for {
		text, err := readLine(in)
		if len(text) > 0 && err == nil || errors.Is(err, providers.ErrTooLarge) {
			w.lines <- line{text, time.Now(), err}
			if err != nil {
				w.wait()
				return
			}
			continue
		}
		if err != nil {
			if len(text) > 0 {
				w.lines <- line{text: text, at: time.Now()} // a last line without its end
			}
			w.lines <- line{err: &endedError{w.wait()}, at: time.Now()}
			return
		}
	}
}

// readLine reads one line without its end; a blank one is nil.
func readLine(in *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		piece, err := in.ReadSlice('\n')
		if len(out)+len(piece) > maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", providers.ErrTooLarge, maxLine)
		}
		out = append(out, piece...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimSpace(out), err
	}
}

// ask writes a request and waits for its answer. The clock runs from the request
// being written to the answer's end.
func (w *worker) ask(ctx context.Context, request []byte, last bool) (answer, time.Duration, error) {
	began := time.Now()
	go func() { // a program that does not read must not keep us from its time limit
		_, _ = w.stdin.Write(request) // one that has ended says so by its output
		if last {
			_ = w.stdin.Close()
		}
	}()
	got, err := w.receive(ctx)
	if err != nil {
		return answer{}, time.Since(began), err
	}
	took := got.at.Sub(began)
	if !last {
		return answer{got.text}, took, nil
	}
	// A program of one call says by its exit whether it meant its answer.
	end, err := w.receive(ctx)
	var ended *endedError
	switch {
	case err == nil:
		return answer{}, took, fmt.Errorf("%w: a second line %.40q", providers.ErrMalformed, end.text)
	case !errors.As(err, &ended):
		return answer{}, took, err
	case ended.how != success:
		return answer{}, took, err
	}
	return answer{got.text}, took, nil
}

func (w *worker) receive(ctx context.Context) (line, error) {
	select {
	case got, ok := <-w.lines:
		if !ok {
			return line{}, &endedError{"its output ended"}
		}
		return got, got.err
	case <-ctx.Done():
		return line{}, ctx.Err()
	}
}

// quiet reports whether the program waits for a request: it runs, and has
// written nothing that was not asked for.
func (w *worker) quiet() bool { return len(w.lines) == 0 && w.running() }

func (w *worker) running() bool {
	select {
	case <-w.reaped:
		return false
	default:
		return true
	}
}

// success is how a program ends that has nothing to complain about.
const success = "exit status 0"

// wait waits for the program's end and says how it ended.
func (w *worker) wait() string {
	w.once.Do(func() {
		_ = w.cmd.Wait() // how it ended is in its state
		killAll(w.cmd)   // what it left behind
		close(w.reaped)
	})
	<-w.reaped
	if w.cmd.ProcessState.Success() {
		return success
	}
	return w.cmd.ProcessState.String()
}

// kill ends the program and all that it has started, at once. One that has ended
// is left alone: its number may be another's by now.
func (w *worker) kill() {
	if w.running() {
		killAll(w.cmd)
	}
	_ = w.stdin.Close()
	go w.drain()
}

// end lets a program that waits for a request end by itself, and kills it where
// it does not.
func (w *worker) end() {
	_ = w.stdin.Close()
	go w.drain()
	select {
	case <-w.reaped:
	case <-time.After(grace):
		killAll(w.cmd)
	}
}

// drain takes what still comes, so that its reader ends.
func (w *worker) drain() {
	for range w.lines {
	}
	w.wait()
}

// stderr keeps the end of what a program says on standard error.
type stderr struct{ w *worker }

// Write keeps the last bytes.
func (s stderr) Write(p []byte) (int, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.stderr = append(s.w.stderr, p...)
	if n := len(s.w.stderr) - maxStderr; n > 0 {
		s.w.stderr = append(s.w.stderr[:0], s.w.stderr[n:]...)
	}
	return len(p), nil
}

// lastWords are what the program said last on standard error. Secrets are taken
// out before it is cut: half a key would not be found.
func (w *worker) lastWords(r *providers.Redactor) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := bytes.TrimSpace(r.Bytes(w.stderr))
	if len(said) == 0 {
		return ""
	}
	return ": " + strings.ToValidUTF8(string(said[max(0, len(said)-maxWords):]), "�")
}
