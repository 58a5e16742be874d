package eval

import "time"

// Told are the figures of a trial that was run elsewhere, as somebody's log has
// them. What the log leaves out is nil, unknown; sums count the retries that are
// known.
type Told struct {
	Latency     *time.Duration // user-visible
	Backend     *time.Duration // as the server reported it
	Retries     *int
	Fallback    *bool
	Regenerated *bool
	Class       Class // of an errored trial
}

// retries are those that are known.
func (t *Told) retries() int {
	if t.Retries == nil {
		return 0
	}
	return *t.Retries
}

func known(d *time.Duration) (time.Duration, bool) {
	if d == nil {
		return 0, false
	}
	return *d, true
}
