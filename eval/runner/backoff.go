package runner

import (
	"math/rand/v2"
	"time"

	"infer/eval"
)

// Defaults of the retry rule where a candidate leaves them out.
const (
	defaultBaseDelay = 500 * time.Millisecond
	defaultMaxDelay  = 60 * time.Second
)

// backoff is the wait before retry n (from 1) after failure f: exponential with
// jitter over its upper half, or what the server asked for when that is longer,
// never more than the cap. The jitter is drawn from rng, which the trial seeds
// with its identity, so a replayed trial waits what the recorded one did.
func backoff(rule eval.Retry, f *eval.Failure, n int, rng *rand.Rand) time.Duration {
	base, limit := rule.BaseDelay, rule.MaxDelay
	if base <= 0 {
		base = defaultBaseDelay
	}
	if limit <= 0 {
		limit = defaultMaxDelay
	}
	d := limit
	if n <= 20 {
		d = min(base<<(n-1), limit)
	}
	d = d/2 + time.Duration(rng.Int64N(int64(d/2)+1))
	if f.RetryAfter != nil && *f.RetryAfter > d {
		d = *f.RetryAfter
	}
	return min(d, limit)
}
