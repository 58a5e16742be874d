package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// A group is what one transaction holds. Measured on two cores: 64 to 256 rows
// a transaction are near the best rate; larger ones only add latency.
const (
	groupJobs = 256
	groupWait = 20 * time.Millisecond // how long a group waits for company when nobody waits for it
	groupRush = 2 * time.Millisecond  // and when somebody does, while the one before it was larger
	queueJobs = 1024
)

// job is one unit of writing. All jobs of a group commit together or not at
// all.
type job struct {
	do    func(*tx) error // nil: empty the log, by itself
	done  chan error      // nil: nobody waits
	after func()          // called once the group is committed; may be nil
}

// writer owns the one connection that writes.
type writer struct {
	jobs  chan job
	ended chan struct{}
	tx    *tx
	last  int // jobs in the last group

	mu     sync.Mutex
	err    error // the first failure of a job that nobody waited for
	closed bool
}

// errClosed is returned for writes after Close.
var errClosed = errors.New("store is closed")

func newWriter(dsn string) (*writer, error) {
	conn, err := new(sqlite.Driver).Open(dsn)
	if err != nil {
		return nil, err
	}
	w := &writer{jobs: make(chan job, queueJobs), ended: make(chan struct{}), tx: newTx(conn)}
	go w.loop()
	return w, nil
}

// loop commits groups until the queue is closed.
func (w *writer) loop() {
	defer close(w.ended)
	group := make([]job, 0, groupJobs)
	for first := range w.jobs {
		group = w.collect(append(group[:0], first))
		last := group[len(group)-1]
		if last.do != nil {
			w.finish(group, w.commit(group))
			continue
		}
		if group = group[:len(group)-1]; len(group) > 0 {
			w.finish(group, w.commit(group))
		}
		last.done <- w.shrink()
	}
}

// collect completes a group. It ends when it is full, with a job that runs by
// itself, or when the queue is empty and the group has waited long enough: where
// somebody waits for it, not at all once it is about as large as the one before.
// A lone caller is so never kept waiting, while of many each commit serves most.
func (w *writer) collect(group []job) []job {
	begun := time.Now()
	waited := group[0].done != nil
	for len(group) < groupJobs && group[len(group)-1].do != nil {
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return group
			}
			group = append(group, j)
			waited = waited || j.done != nil
			continue
		default:
		}
		wait := groupWait
		if waited {
			wait = groupRush
		}
		if waited && len(group) >= w.last*3/4 || time.Since(begun) >= wait {
			break
		}
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return group
			}
			group = append(group, j)
			waited = waited || j.done != nil
		case <-time.After(wait - time.Since(begun)):
		}
	}
	w.last = len(group)
	return group
}

// shrink moves the log into the file and empties it.
func (w *writer) shrink() error {
	var busy, log, moved int
	err := w.tx.row("PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &log, &moved)
	if err == nil && busy != 0 {
		return errBusy
	}
	return err
}

// errBusy is returned where a reader keeps the log from being emptied.
var errBusy = errors.New("another process reads the file, so its log still holds what was deleted; the next writer empties it")

// checkpoint empties the log.
func (w *writer) checkpoint() error {
	done := make(chan error, 1)
	if err := w.send(context.Background(), job{done: done}); err != nil {
		return err
	}
	return <-done
}

// commit runs the group in one transaction. The context is the background one:
// a group that began is written even while the program is being interrupted.
func (w *writer) commit(group []job) error {
	if err := w.tx.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, j := range group {
		if err := j.do(w.tx); err != nil {
			return errors.Join(err, w.rollback())
		}
	}
	if err := w.tx.exec("COMMIT"); err != nil {
		return errors.Join(err, w.rollback())
	}
	return nil
}

func (w *writer) rollback() error {
	w.tx.forget()
	if err := w.tx.exec("ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func (w *writer) finish(group []job, err error) {
	for _, j := range group {
		if err == nil && j.after != nil {
			j.after()
		}
		if j.done != nil {
			j.done <- err
		} else if err != nil {
			w.mu.Lock()
			if w.err == nil {
				w.err = err
			}
			w.mu.Unlock()
		}
	}
}

// failed returns the first failure of a write that nobody waited for.
func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// wait runs do in the next group and returns when it is committed.
func (w *writer) wait(ctx context.Context, do func(*tx) error) error {
	done := make(chan error, 1)
	if err := w.send(ctx, job{do: do, done: done}); err != nil {
		return err
	}
	return <-done
}

// queue runs do in a coming group and after once that is committed; a failure is
// reported by failed.
func (w *writer) queue(ctx context.Context, do func(*tx) error, after func()) error {
	if err := w.failed(); err != nil {
		return err
	}
	return w.send(ctx, job{do: do, after: after})
}

func (w *writer) send(ctx context.Context, j job) error {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return errClosed
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end writes what is queued. No write may be under way or begin after it.
func (w *writer) end() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	close(w.jobs)
	<-w.ended
	return w.failed()
}

// close closes the connection, after end.
func (w *writer) close() error { return w.tx.close() }
