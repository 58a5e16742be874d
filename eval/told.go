package eval

import "time"

// Told are the figures of a trial that was run elsewhere, as somebody's log has
// them. What the log leaves out is unknown; retries that it does not name are
// none that are known.
type Told struct {
	Latency  *time.Duration // user-visible
	Retries  int
	Fallback bool
	Class    Class // of an errored trial
}

func known(d *time.Duration) (time.Duration, bool) {
	if d == nil {
		return 0, false
	}
	return *d, true
}
