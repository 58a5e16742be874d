package runner

import (
	"context"
	"sync"
	"time"
)

// Control lets a person hold a run and take candidates out of it while it runs. The
// zero value is ready and a nil one does nothing; it is safe for concurrent use.
type Control struct {
	mu      sync.Mutex
	gate    chan struct{} // closed when the run goes on; nil = it is not held
	since   time.Time     // when it was held
	total   time.Duration // of earlier holds
	dropped map[int]bool
}

// Hold lets no call begin until Release. Calls in flight end as they would have.
func (c *Control) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate == nil {
		c.gate, c.since = make(chan struct{}), time.Now()
	}
}

// Release lets the run go on.
func (c *Control) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate != nil {
		close(c.gate)
		c.gate = nil
		c.total += time.Since(c.since)
	}
}

// Held reports whether the run is held.
func (c *Control) Held() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gate != nil
}

// Drop begins no trial of a candidate any more. Those under way end as they would
// have.
func (c *Control) Drop(candidate int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = make(map[int]bool)
	}
	c.dropped[candidate] = true
}

// Dropped reports whether a candidate was dropped.
func (c *Control) Dropped(candidate int) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped[candidate]
}

// wait returns when the run is not held, or with the context.
func (c *Control) wait(ctx context.Context) error {
	for c != nil {
		c.mu.Lock()
		gate := c.gate
		c.mu.Unlock()
		if gate == nil {
			return nil
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// HeldFor is how long the run has been held so far.
func (c *Control) HeldFor() time.Duration {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.total
	if c.gate != nil {
		d += time.Since(c.since)
	}
	return d
}
