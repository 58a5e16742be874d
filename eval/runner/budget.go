package runner

import (
	"strconv"
	"strings"
	"time"
)

// mostWait caps what a header can make a run wait.
const mostWait = time.Minute

// budgets are the pairs of rate-limit headers that say how much is left of a
// budget and when it is full again, by lower-case name.
var budgets = [][2]string{
	{"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
	{"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"},
	{"x-ratelimit-remaining", "x-ratelimit-reset"},
	{"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"},
	{"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"},
	{"anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"},
	{"anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"},
}

// exhausted returns how long the next call must wait by what a provider's headers
// say: until the reset of a budget that is used up, a minute at most. 0 = not at
// all, or they do not say.
func exhausted(headers map[string]string, now time.Time) time.Duration {
	if len(headers) == 0 {
		return 0
	}
	var wait time.Duration
	for _, b := range budgets {
		left, err := strconv.ParseFloat(headers[b[0]], 64)
		if err != nil || left > 0 {
			continue
		}
		wait = max(wait, resetIn(headers[b[1]], now))
	}
	return min(wait, mostWait)
}

// requestsLeft returns how many calls a provider's headers say may still be sent,
// and in which time that is full again.
func requestsLeft(headers map[string]string, now time.Time) (int, time.Duration, bool) {
	if len(headers) == 0 {
		return 0, 0, false
	}
	for _, b := range budgets {
		if !strings.Contains(b[0], "requests") {
			continue
		}
		if n, err := strconv.Atoi(headers[b[0]]); err == nil && n >= 0 {
			return n, resetIn(headers[b[1]], now), true
		}
	}
	return 0, 0, false
}

// resetIn reads when a budget is full again: a duration ("6m0s", "20ms"), seconds,
// a date, or a time in seconds or milliseconds since 1970. 0 = it does not say.
func resetIn(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0
	}
	if d, err := time.ParseDuration(v); err == nil {
		return max(d, 0)
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return max(at.Sub(now), 0)
	}
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil || !(n > 0) || n > 1e14:
		return 0
	case n > 1e11:
		return max(time.UnixMilli(int64(n)).Sub(now), 0)
	case n > 1e8:
		return max(time.Unix(int64(n), 0).Sub(now), 0)
	}
	return time.Duration(min(n, 3600) * float64(time.Second))
}
