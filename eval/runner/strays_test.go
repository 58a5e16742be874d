package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// moody refuses a share of the calls at random, whatever their pace.
type moody struct {
	share   float64
	after   int           // Retry-After of a refusal in seconds; 0 = none
	latency time.Duration // of a call that it takes

	mu      sync.Mutex
	rng     *rand.Rand
	calls   int
	refused int
}

func (m *moody) Call(context.Context, *eval.Request) eval.Response {
	m.mu.Lock()
	m.calls++
	no := m.rng.Float64() < m.share
	if no {
		m.refused++
	}
	m.mu.Unlock()
	if !no {
		time.Sleep(m.latency)
		return say("ok")
	}
	time.Sleep(20 * time.Millisecond)
	h := make(http.Header)
	if m.after > 0 {
		h.Set("Retry-After", strconv.Itoa(m.after))
	}
	return eval.Response{Status: 429, Failure: providers.Classify(providers.Signal{Status: 429, Header: h, Phase: eval.PhaseResponse})}
}

// TestStrays: a provider that refuses calls at random, whatever their pace, hardly
// holds up a run: refusals are answered by their own retries.
func TestStrays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		share   float64
		after   int
		latency time.Duration
	}{
		{0.003, 1, 50 * time.Millisecond},
		{0.01, 1, 50 * time.Millisecond},
		{0.05, 0, 50 * time.Millisecond},
		{0.05, 1, 3 * time.Second},
		{0.1, 0, 50 * time.Millisecond},
		{0.1, 1, 50 * time.Millisecond},
		{0.1, 1, 3 * time.Second},
		{0.3, 1, 50 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%v/after %d/%s", tc.share, tc.after, tc.latency), func(t *testing.T) {
			t.Parallel()
			took := func(fixed bool) (d time.Duration) {
				synctest.Test(t, func(t *testing.T) {
					s := &moody{share: tc.share, after: tc.after, latency: tc.latency, rng: rand.New(rand.NewPCG(4, 2))}
					m := model("m", "p", s)
					m.Virtual, m.Paid, m.Candidate.Retry.Max = false, false, 50
					m.Limiter = runner.NewGovernor(64, runner.GovernorOptions{Provider: "p", Fixed: fixed})
					o := plan(10_000, m)
					o.Concurrency = 64
					began := time.Now()
					run(t, o)
					d = time.Since(began)
				})
				return d
			}
			learned, free := took(false), took(true)
			t.Logf("%s; %s without learning", learned, free)
			if learned > 2*free+30*time.Second {
				t.Errorf("10,000 tasks took %s; %s without learning", learned, free)
			}
		})
	}
}

// TestStraysEnd: when a provider that refused calls at random comes to refuse all
// that go beyond a limit, calls are paced after all.
func TestStraysEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &moody{share: 0.1, after: 1, latency: 50 * time.Millisecond, rng: rand.New(rand.NewPCG(4, 2))}
		l := &limited{burst: 1, latency: 50 * time.Millisecond}
		began := time.Now()
		c := &caller{answer: func(ctx context.Context, req *eval.Request) eval.Response {
			if time.Since(began) < 15*time.Second {
				return s.Call(ctx, req)
			}
			return l.Call(ctx, req)
		}}
		m := model("m", "p", c)
		m.Virtual, m.Paid, m.Candidate.Retry.Max = false, false, 50
		m.Limiter = runner.NewGovernor(64, runner.GovernorOptions{Provider: "p"})
		o := plan(100_000, m)
		o.Concurrency = 64
		stop := make(chan struct{})
		o.Stop = stop
		time.AfterFunc(5*time.Minute, func() { close(stop) })
		run(t, o)
		if s.calls < 5000 {
			t.Errorf("%d calls in the 15 seconds of refusals by chance", s.calls)
		}
		for minute := 1; minute < 4; minute++ { // of the limit
			if taken, refused := l.taken[minute], l.rejected[minute]; taken < perMinute*3/4 || refused > taken/20 {
				t.Errorf("minute %d of the limit: %d taken of %d, %d refused", minute+1, taken, perMinute, refused)
			}
		}
	})
}

// TestShortageAtTheStart: refusals that follow one another in the first seconds
// slow a run to what went well in these seconds, not to as many calls a minute.
func TestShortageAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := runner.NewGovernor(64, runner.GovernorOptions{})
		refused := func(int) eval.Response { return say("429") }
		send(t, g, 20, 1, 100*time.Millisecond, fine)
		send(t, g, 12, 1, 100*time.Millisecond, refused)
		send(t, g, 1, 1, 100*time.Millisecond, refused)
		send(t, g, 1, 1, 100*time.Millisecond, fine)
		if at := send(t, g, 20, 1, 100*time.Millisecond, fine); at[19] > 10*time.Second {
			t.Errorf("20 calls after a shortage took %s", at[19])
		}
	})
}
