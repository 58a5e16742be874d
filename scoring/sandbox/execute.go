package sandbox

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"time"
)

// watchEvery is how often the whole of a program's processes is measured.
const watchEvery = 50 * time.Millisecond

// capture keeps the output of a program up to a limit that its two streams share.
type capture struct {
	mu    *sync.Mutex
	left  *int // shared by both streams
	full  func()
	bytes []byte
}

// Write keeps what fits and ends the program where it writes more.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(p), max(0, *c.left))
	c.bytes = append(c.bytes, p[:n]...)
	if *c.left -= len(p); *c.left < 0 {
		c.full()
	}
	return len(p), nil
}

// execute runs a command with its own process group and the limits that are
// watched from outside: time, output, and the memory and number of all processes
// together. All of them are killed at the end, whatever they are doing.
func execute(ctx context.Context, l Limits, build func(context.Context) (*exec.Cmd, func(), error)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	over := ""
	stop := func(why string) func() {
		return func() {
			if over == "" {
				over = why
			}
			cancel()
		}
	}
	locked := func(f func()) { mu.Lock(); defer mu.Unlock(); f() }
	cmd, feed, err := build(ctx)
	if err != nil {
		return Result{}, err
	}
	left := l.Output
	out, errs := &capture{mu: &mu, left: &left, full: stop("output")}, &capture{mu: &mu, left: &left, full: stop("output")}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = 2 * time.Second
	alone(cmd)
	cmd.Cancel = func() error { return killAll(cmd) }
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	feed()
	ended := make(chan struct{})
	var watched sync.WaitGroup
	watched.Add(1)
	go func() {
		defer watched.Done()
		watch(cmd.Process.Pid, l, ended, func(why string) { locked(stop(why)) })
	}()
	err = cmd.Wait()
	close(ended)
	watched.Wait()
	_ = killAll(cmd) // what it left behind
	mu.Lock()
	defer mu.Unlock()
	res := Result{Stdout: out.bytes, Stderr: errs.bytes, Took: time.Since(began), Over: over, Exit: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case over != "", errors.As(err, &exit), err == nil, errors.Is(err, exec.ErrWaitDelay):
		if over == "" && ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		return res, nil
	}
	return res, err
}

// watch ends a program that goes beyond what only the whole of its processes
// shows.
func watch(pid int, l Limits, ended <-chan struct{}, stop func(why string)) {
	deadline := time.NewTimer(l.Time)
	defer deadline.Stop()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-deadline.C:
			stop("time")
			return
		case <-tick.C:
			memory, processes := family(pid)
			switch {
			case l.Memory > 0 && memory > l.Memory:
				stop("memory")
				return
			case l.Processes > 0 && processes > l.Processes+8: // the sandbox's own and the threads that start
				stop("processes")
				return
			}
		}
	}
}
