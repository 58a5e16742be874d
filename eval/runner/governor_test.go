package runner_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
)

// limited is a server that takes 300 calls a minute and refuses the others.
type limited struct {
	burst   float64       // calls that it takes at once after a quiet time; 0 = a fixed window of a minute
	latency time.Duration // of a call that it takes
	says    string        // "": a bare 429; "wait": Retry-After; "budget": what is left, and until when

	mu       sync.Mutex
	begun    time.Time
	level    float64
	at       time.Time
	taken    map[int]int // by minute
	rejected map[int]int
}

const perMinute = 300

func (l *limited) Call(_ context.Context, _ *eval.Request) eval.Response {
	ok, left, wait := l.admit()
	h := make(http.Header)
	switch {
	case l.says == "budget":
		h.Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(int(left)))
		h.Set("X-Ratelimit-Reset-Requests", wait.String())
	case l.says == "wait" && !ok:
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	if ok {
		time.Sleep(l.latency)
		r := say("ok")
		r.RateLimits = providers.RateLimits(h)
		return r
	}
	time.Sleep(20 * time.Millisecond)
	return eval.Response{Status: 429, RateLimits: providers.RateLimits(h), Failure: providers.Classify(providers.Signal{Status: 429, Header: h, Phase: eval.PhaseResponse})}
}

// admit decides on one call. wait is how long until there is room again.
func (l *limited) admit() (ok bool, left float64, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.begun.IsZero() {
		l.begun, l.at, l.level = now, now, l.burst
		l.taken, l.rejected = make(map[int]int), make(map[int]int)
	}
	minute := int(now.Sub(l.begun).Minutes())
	if l.burst == 0 {
		left = perMinute - float64(l.taken[minute])
		wait = time.Duration(minute+1)*time.Minute - now.Sub(l.begun)
	} else {
		l.level = math.Min(l.burst, l.level+now.Sub(l.at).Seconds()*perMinute/60)
		l.at = now
		left = l.level
		wait = time.Duration((1 - math.Min(1, l.level)) / (perMinute / 60) * float64(time.Second))
	}
	if left < 1 {
		l.rejected[minute]++
		return false, 0, wait
	}
	l.taken[minute]++
	l.level--
	return true, left - 1, wait
}

// TestAdaptive: a server that allows 300 calls a minute, of which nothing was
// told, is found out: after the first minute at least 95 % of the allowance is
// used and less than 2 % of the calls are refused, whatever kind of limit it is
// and whatever it says.
func TestAdaptive(t *testing.T) {
	t.Parallel()
	const minutes = 10
	for _, says := range []string{"", "wait", "budget"} {
		for _, burst := range []float64{0, 1, 10, 60, 300} {
			for _, latency := range []time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second} {
				t.Run(fmt.Sprintf("%s/burst %v/%s", map[string]string{"": "silent"}[says]+says, burst, latency), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						l := &limited{burst: burst, latency: latency, says: says}
						m := model("m", "p", l)
						m.Virtual, m.Paid, m.Candidate.Retry.Max = false, false, 50
						m.Limiter = runner.NewGovernor(64, runner.GovernorOptions{Provider: "p"})
						o := plan((minutes+2)*perMinute, m)
						o.Concurrency = 64
						stop := make(chan struct{})
						o.Stop = stop
						time.AfterFunc(minutes*time.Minute, func() { close(stop) })
						run(t, o)
						taken, rejected := 0, 0
						for minute := 1; minute < minutes; minute++ {
							taken, rejected = taken+l.taken[minute], rejected+l.rejected[minute]
						}
						used := float64(taken) / float64((minutes-1)*perMinute)
						refused := float64(rejected) / float64(taken+rejected)
						t.Logf("used %.1f %% of the allowance, %.2f %% refused (first minute: %d taken, %d refused)", 100*used, 100*refused, l.taken[0], l.rejected[0])
						if used < 0.95 || refused >= 0.02 {
							t.Errorf("used %.1f %% of the allowance, want 95; %.2f %% refused, want less than 2", 100*used, 100*refused)
						}
					})
				})
			}
		}
	}
}
