package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A group is what one transaction holds. Measured on two cores: 64 to 256 rows
// a transaction are near the best rate; larger ones only add latency.
const (
	groupJobs = 256
	groupWait = 20 * time.Millisecond // how long a group waits for company when nobody waits for it
	queueJobs = 1024
)

// job is one unit of writing. All jobs of a group commit together or not at
// all.
type job struct {
	do   func(*tx) error
	done chan error // nil: nobody waits
}

// writer owns the one connection that writes.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	jobs  chan job
	ended chan struct{}
	tx    *tx

	mu     sync.Mutex
	err    error // the first failure of a job that nobody waited for
	closed bool
}

// errClosed is returned for writes after Close.
var errClosed = errors.New("store is closed")

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, conn: conn, jobs: make(chan job, queueJobs), ended: make(chan struct{})}
	w.tx = newTx(conn)
	go w.loop()
	return w, nil
}

// loop commits groups until the queue is closed. A group ends when it is full,
// or when the queue is empty and someone waits for it, or after groupWait.
func (w *writer) loop() {
	defer close(w.ended)
	group := make([]job, 0, groupJobs)
	for first := range w.jobs {
		group = append(group[:0], first)
		waited := first.done != nil
		timer := time.NewTimer(groupWait)
	collect:
		for len(group) < groupJobs {
			select {
			case j, ok := <-w.jobs:
				if !ok {
					break collect
				}
				group = append(group, j)
				waited = waited || j.done != nil
				continue
			default:
			}
			if waited {
				break
			}
			select {
			case j, ok := <-w.jobs:
				if !ok {
					break collect
				}
				group = append(group, j)
				waited = j.done != nil
			case <-timer.C:
				break collect
			}
		}
		timer.Stop()
		w.finish(group, w.commit(group))
	}
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
	if err := w.send(ctx, job{do, done}); err != nil {
		return err
	}
	return <-done
}

// queue runs do in a coming group; its failure is reported by failed.
func (w *writer) queue(ctx context.Context, do func(*tx) error) error {
	if err := w.failed(); err != nil {
		return err
	}
	return w.send(ctx, job{do: do})
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

// close writes what is queued and closes the connection. No write may be under
// way or begin after it.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	close(w.jobs)
	<-w.ended
	w.tx.close()
	return errors.Join(w.failed(), w.conn.Close(), w.db.Close())
}
