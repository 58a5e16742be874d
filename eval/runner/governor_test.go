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
	const minutes = 8
	for _, says := range []string{"", "wait", "budget"} {
		for _, burst := range []float64{0, 1, 60} {
			for _, latency := range []time.Duration{50 * time.Millisecond, 3 * time.Second} {
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

// send takes n leases as fast as the governor gives them, ends each after the
// given time with what answer says, and returns when each was let through.
func send(t *testing.T, g runner.Limiter, n int, tokens int64, took time.Duration, answer func(i int) eval.Response) []time.Duration {
	t.Helper()
	began := time.Now()
	at := make([]time.Duration, n)
	var wg sync.WaitGroup
	for i := range n {
		done, err := g.Acquire(t.Context(), tokens)
		if err != nil {
			t.Fatal(err)
		}
		at[i] = time.Since(began)
		wg.Add(1)
		go func() {
			defer wg.Done()
			time.Sleep(took)
			r := answer(i)
			done(&r)
		}()
	}
	wg.Wait()
	return at
}

func fine(int) eval.Response { return say("ok") }

// most is the largest number of times within any span.
func most(at []time.Duration, span time.Duration) int {
	n := 0
	for i := range at {
		k := i
		for k < len(at) && at[k] < at[i]+span {
			k++
		}
		n = max(n, k-i)
	}
	return n
}

// TestPerMinute: no minute sees more calls than allowed, and hardly fewer.
func TestPerMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := runner.NewGovernor(64, runner.GovernorOptions{Allowance: runner.Allowance{PerMinute: 120}})
		at := send(t, g, 600, 1, 200*time.Millisecond, fine)
		if n := most(at, time.Minute); n != 120 {
			t.Errorf("%d calls within a minute, want 120", n)
		}
		if last := at[599]; last > 5*time.Minute {
			t.Errorf("600 calls took %s, want 5 minutes", last)
		}
	})
}

// TestTokensPerMinute: guesses are corrected by what calls used, so that the
// allowance of tokens is kept and used.
func TestTokensPerMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := runner.NewGovernor(64, runner.GovernorOptions{Fixed: true, Allowance: runner.Allowance{TokensPerMinute: 6000}})
		at := send(t, g, 400, 300, 100*time.Millisecond, func(i int) eval.Response { // guessed 300, used 100 (or none)
			if i%4 == 3 {
				return say("429/0")
			}
			r := say("ok")
			r.Usage = &eval.Usage{InFresh: 60, OutText: 40}
			return r
		})
		// 300 of the 400 calls use 100 tokens each: 30,000 tokens are 5 minutes' worth.
		if last := at[399]; last < 4*time.Minute+50*time.Second || last > 6*time.Minute {
			t.Errorf("400 calls took %s, want about 5 minutes", last)
		}
	})
}

// TestFixed: a governor that is not to learn keeps to its allowance, whatever the
// provider says.
func TestFixed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := runner.NewGovernor(64, runner.GovernorOptions{Fixed: true, Allowance: runner.Allowance{Calls: 5}})
		at := send(t, g, 50, 1, time.Second, func(int) eval.Response { return say("429/60") })
		if n := most(at, time.Second); n != 5 || at[49] != 9*time.Second {
			t.Errorf("%d calls in flight, the last begun at %s; want 5 and 9 s", n, at[49])
		}
	})
}

// TestGrowth: calls in flight double from few, a refusal takes a fifth of them
// away, and while the provider fails nothing grows.
func TestGrowth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var changes []eval.Throttle
		g := runner.NewGovernor(100, runner.GovernorOptions{Provider: "p", OnChange: func(th eval.Throttle) { changes = append(changes, th) }})
		rounds := func(n int, answer func(int) eval.Response) (sizes []int) {
			for range n {
				in := 0
				var wg sync.WaitGroup
				for ctx, stop := context.WithTimeout(t.Context(), time.Second); ; in++ {
					done, err := g.Acquire(ctx, 1)
					if err != nil {
						stop()
						break
					}
					r := answer(in)
					wg.Add(1)
					// One nanosecond apart, they end in the order in which they began: in a chance
					// order twenty failures may follow each other, and that is an outage.
					took := 2*time.Second + time.Duration(in)
					go func() {
						defer wg.Done()
						time.Sleep(took)
						done(&r)
					}()
				}
				wg.Wait()
				sizes = append(sizes, in)
			}
			return sizes
		}
		flaky := func(i int) eval.Response {
			if i%10 > 0 {
				return say("500")
			}
			return say("ok")
		}
		got := rounds(3, fine)
		got = append(got, rounds(2, flaky)...)
		time.Sleep(10 * time.Second)
		got = append(got, rounds(2, fine)...)
		// Of the answers that come together, the good ones may be looked at before the
		// first failure: they let it grow a little, but never double.
		steady := got[4] >= 32 && got[4] <= 36 && got[5] >= 32 && got[5] <= 40
		if fmt.Sprint(got[:4]) != "[4 8 16 32]" || !steady || got[6] < 64 || got[6] > 80 {
			t.Errorf("rounds of calls in flight: %v; want doubling, but not while the provider fails", got)
		}
		time.Sleep(time.Minute)
		rounds(1, func(int) eval.Response { return say("429/0") })
		last := changes[len(changes)-1]
		if last.Cause != eval.ThrottleRateLimit || last.Provider != "p" || last.PerMinute == nil {
			t.Errorf("the change after a refusal: %+v", last)
		}
		if n := last.Calls; n < 80 || n > 99 { // a fifth less, but not fewer than were in flight
			t.Errorf("%d calls in flight after a refusal", n)
		}
	})
}

// TestWaitIsForAll: a wait that the provider asks one call for holds for all, and
// a budget that is used up until it is full again.
func TestWaitIsForAll(t *testing.T) {
	t.Parallel()
	used := map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "25s"}
	for name, tc := range map[string]struct {
		first eval.Response
		wait  time.Duration
	}{
		"a refusal":                  {say("429/30"), 30 * time.Second},
		"an overloaded server":       {say("503/20"), 20 * time.Second},
		"a budget that is used up":   {eval.Response{RateLimits: used}, 25 * time.Second},
		"a budget that is not":       {eval.Response{RateLimits: map[string]string{"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "25s"}}, 0},
		"a server that asks nothing": {say("500"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := runner.NewGovernor(8, runner.GovernorOptions{})
				at := send(t, g, 1, 1, time.Second, func(int) eval.Response { return tc.first })
				began := time.Now()
				at = append(at, send(t, g, 1, 1, time.Second, fine)...)
				if d := at[1]; d != tc.wait {
					t.Errorf("the next call waited %s (%s), want %s", d, time.Since(began), tc.wait)
				}
			})
		})
	}
}

// TestInTurn: callers are served in the order in which they come, and one who
// leaves holds up nobody.
func TestInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := runner.NewGovernor(1, runner.GovernorOptions{Fixed: true})
		done, err := g.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		for i := range 6 {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if i == 2 {
				time.AfterFunc(time.Second, leave)
			}
			go func() {
				next, err := g.Acquire(ctx, 1)
				if err != nil {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				next(nil)
			}()
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		done(nil)
		synctest.Wait()
		if got := fmt.Sprint(order); got != "[0 1 3 4 5]" {
			t.Errorf("served in the order %s", got)
		}
	})
}

// TestBudgets reads what headers of many services say.
func TestBudgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		headers map[string]string
		want    time.Duration
	}{
		{nil, 0},
		{map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1.5s"}, 1500 * time.Millisecond},
		{map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, time.Minute},
		{map[string]string{"x-ratelimit-remaining-requests": "12", "x-ratelimit-reset-requests": "6m0s"}, 0},
		{map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "10ms"}, 20 * time.Millisecond},
		{map[string]string{"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2026-03-01T12:00:07Z"}, 7 * time.Second},
		{map[string]string{"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-03-01T11:00:00Z"}, 0},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30 * time.Second},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": fmt.Sprint(now.Add(9 * time.Second).Unix())}, 9 * time.Second},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": fmt.Sprint(now.Add(9 * time.Second).UnixMilli())}, 9 * time.Second},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "-5"}, 0},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "NaN"}, 0},
		{map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 0},
		{map[string]string{"x-ratelimit-remaining": "0"}, 0},
		{map[string]string{"x-ratelimit-remaining": "none", "x-ratelimit-reset": "30"}, 0},
	} {
		if got := runner.Exhausted(tc.headers, now); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.headers, got, tc.want)
		}
	}
}

func FuzzBudgets(f *testing.F) {
	f.Add("0", "6m0s")
	f.Add("0", "2026-03-01T12:00:07Z")
	f.Add("0", "1e308")
	f.Add("-1", "99999999999999")
	f.Fuzz(func(t *testing.T, left, reset string) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		for _, name := range []string{"x-ratelimit-remaining-requests", "x-ratelimit-remaining"} {
			h := map[string]string{name: left, "x-ratelimit-reset-requests": reset, "x-ratelimit-reset": reset}
			if d := runner.Exhausted(h, now); d < 0 || d > time.Minute {
				t.Errorf("%q, %q: waits %s", left, reset, d)
			}
		}
	})
}
