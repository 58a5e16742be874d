package cmd

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/report"
)

// Progress is one line on a terminal, rewritten; elsewhere a plain line every
// few seconds.
const (
	lineEvery  = 200 * time.Millisecond
	plainEvery = 5 * time.Second
)

type progress struct {
	app   *cli.App
	total int64
	begun time.Time

	done     atomic.Int64
	attempts atomic.Int64
	low      atomic.Int64
	unknown  atomic.Bool

	mu     sync.Mutex
	errors map[eval.Class]int64

	quit  chan struct{}
	ended chan struct{}
}

// newProgress says first how much of what was asked for is done already.
func newProgress(app *cli.App, run string, asked, left int64) *progress {
	if had := asked - left; had > 0 && !app.Quiet {
		_, _ = fmt.Fprintf(app.Err, "run %s: %d of %d trials have their outcome already; %d to run\n", run, had, asked, left)
	}
	return &progress{app: app, total: left, begun: time.Now(), errors: make(map[eval.Class]int64), quit: make(chan struct{}), ended: make(chan struct{})}
}

// trial counts one that is safe in the store.
func (p *progress) trial(t *eval.Trial) {
	if !t.CutOff && t.Told == nil {
		p.done.Add(1)
	}
}

func (p *progress) attempt(a *eval.Attempt) {
	p.attempts.Add(1)
	p.low.Add(int64(a.Cost.Low))
	if !a.Cost.Known() {
		p.unknown.Store(true)
	}
	if a.Failure != nil {
		p.mu.Lock()
		p.errors[a.Failure.Class]++
		p.mu.Unlock()
	}
}

func (p *progress) start() {
	if p.app.Quiet || p.total == 0 {
		close(p.ended)
		return
	}
	go p.loop()
}

func (p *progress) loop() {
	defer close(p.ended)
	every, live := plainEvery, p.live()
	if live {
		every = lineEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			if live {
				_, _ = fmt.Fprint(p.app.Err, "\r\x1b[K")
			}
			return
		case <-tick.C:
			if live {
				_, _ = fmt.Fprintf(p.app.Err, "\r\x1b[K%s", clipLine(p.line(), p.app.Width()))
			} else {
				_, _ = fmt.Fprintf(p.app.Err, "%s %s\n", p.app.Now().UTC().Format(time.RFC3339), p.line())
			}
		}
	}
}

// say writes a line above the one that is rewritten.
func (p *progress) say(format string, args ...any) {
	if p.app.Quiet {
		return
	}
	if p.live() {
		format = "\r\x1b[K" + format
	}
	_, _ = fmt.Fprintf(p.app.Err, format+"\n", args...)
}

// live reports whether the state is one line on a terminal; a log has lines of its own.
func (p *progress) live() bool { return p.app.ErrTTY && p.app.Log() == nil }

func clipLine(s string, width int) string {
	if r := []rune(s); width > 1 && len(r) >= width {
		return string(r[:width-1])
	}
	return s
}

func (p *progress) stop() {
	close(p.quit)
	<-p.ended
}

// line is the state in one line: done, rate, cost so far, time left, errors.
func (p *progress) line() string {
	done, elapsed := p.done.Load(), time.Since(p.begun).Seconds()
	rate := float64(done) / max(elapsed, 0.001)
	var b strings.Builder
	fmt.Fprintf(&b, "%d/%d trials  %.0f/s  ", done, p.total, rate)
	cost := report.Dollars(eval.Money(p.low.Load()).Float())
	if p.unknown.Load() {
		cost = "≥" + cost
	}
	b.WriteString(cost)
	if done > 0 && done < p.total {
		fmt.Fprintf(&b, "  ETA %s", (time.Duration(float64(p.total-done)/rate*float64(time.Second)) + time.Second).Truncate(time.Second))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := make([]string, 0, len(p.errors))
	for c, n := range p.errors {
		parts = append(parts, fmt.Sprintf("%s %d", c, n))
	}
	sort.Strings(parts)
	if len(parts) > 0 {
		b.WriteString("  failed calls: " + strings.Join(parts, ", "))
	}
	return b.String()
}
