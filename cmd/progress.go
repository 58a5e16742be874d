package cmd

import (
	"context"
	"fmt"
	"maps"
	"sort"
	"strings"
	"sync"
	"time"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/eval/runner"
	"infer/report"
	"infer/report/tui"
	"infer/scoring/stats"
)

const (
	plainEvery = 5 * time.Second
	// liveAfter is how long an evaluation must take before it is shown as a view: what
	// is over at once need not move the screen.
	liveAfter = 400 * time.Millisecond
)

// progress is how far an evaluation is: a view of it on a terminal, elsewhere a plain
// line every few seconds.
type progress struct {
	app     *cli.App
	run     *eval.Run
	total   int64
	begun   time.Time
	control *runner.Control
	ask     func() // asks the run to stop, and asked again to stop at once

	mu         sync.Mutex
	done       int64
	cost       eval.Cost // of calls
	errors     map[eval.Class]int64
	candidates []candidateProgress
	shown      []int // candidates with anything to run
	limits     map[string]eval.Throttle
	stopping   bool
	live       *tui.Live // nil = there is no view

	quit  chan struct{}
	ended chan struct{}
}

// candidateProgress is how far one candidate is.
type candidateProgress struct {
	tui.LiveCandidate
	took eval.Histogram
}

// newProgress says first how much of what was asked for is done already. planned is
// how many trials each candidate has to run.
func newProgress(app *cli.App, run *eval.Run, asked int64, planned []int64) *progress {
	p := &progress{app: app, run: run, begun: time.Now(), control: new(runner.Control), cost: eval.Exactly(0), errors: make(map[eval.Class]int64),
		candidates: make([]candidateProgress, len(planned)), limits: make(map[string]eval.Throttle), quit: make(chan struct{}), ended: make(chan struct{})}
	for i, n := range planned {
		p.total += n
		if n > 0 {
			p.shown = append(p.shown, i)
		}
		p.candidates[i].LiveCandidate = tui.LiveCandidate{Name: run.Candidates[i].Name, Planned: n, Cost: eval.Exactly(0), Failed: make(map[eval.Class]int64)}
	}
	if had := asked - p.total; had > 0 && !app.Quiet {
		_, _ = fmt.Fprintf(app.Err, "run %s: %d of %d trials have their outcome already; %d to run\n", run.ID, had, asked, p.total)
	}
	return p
}

// trial counts one that is safe in the store.
func (p *progress) trial(t *eval.Trial) {
	if t.CutOff || t.Told != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	c := &p.candidates[t.Candidate]
	if c.Done++; c.Done > c.Planned { // it was dropped while this one was under way
		c.Planned, p.total = c.Done, p.total+1
	}
	c.Cost = c.Cost.Plus(t.Cost.Final())
	if eval.Judged(t.Verdict, t.ErrorClass()) {
		c.Judged++
		if t.Verdict == eval.Accepted {
			c.Accepted++
		}
	}
	if d, ok := t.UserVisible(); ok {
		c.took.Add(d.Microseconds())
	}
	for i := range t.Attempts {
		if f := t.Attempts[i].Failure; f != nil {
			c.Failed[f.Class]++
		}
	}
}

func (p *progress) attempt(a *eval.Attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cost = p.cost.Plus(a.Cost)
	if a.Failure != nil {
		p.errors[a.Failure.Class]++
	}
}

// throttle keeps what a provider may be sent.
func (p *progress) throttle(t eval.Throttle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits[t.Provider] = t
}

// dropped names the candidates that were dropped before they had done everything.
func (p *progress) dropped() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, i := range p.shown {
		if p.control.Dropped(i) {
			names = append(names, fmt.Sprintf("%s was dropped after %d trials", eval.Untrusted(p.candidates[i].Name).Line(60), p.candidates[i].Done))
		}
	}
	return strings.Join(names, ", ")
}

// stop says that the evaluation was asked to stop.
func (p *progress) stop() {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	p.control.Release() // what is held ends too
}

func (p *progress) start(ctx context.Context) {
	if p.app.Quiet || p.total == 0 {
		close(p.ended)
		return
	}
	go p.loop(ctx)
}

// onTerminal reports whether the state is shown as a view. A log has lines of its own.
func (p *progress) onTerminal() bool {
	return p.app.ErrTTY && p.app.Log() == nil && p.app.Env("TERM") != "dumb" && p.app.Env("CI") == ""
}

func (p *progress) loop(ctx context.Context) {
	defer close(p.ended)
	if p.onTerminal() {
		select {
		case <-p.quit:
			return
		case <-time.After(liveAfter):
		}
		o := tui.LiveOptions{Source: p, Output: p.app.Err, Color: p.app.Color(p.app.ErrTTY)}
		if p.app.InTTY && cli.Foreground() {
			o.Input = p.app.In
		}
		live := tui.ShowLive(ctx, o)
		p.mu.Lock()
		p.live = live
		p.mu.Unlock()
		<-p.quit
		p.mu.Lock()
		p.live = nil
		p.mu.Unlock()
		live.Close()
		return
	}
	tick := time.NewTicker(plainEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
			_, _ = fmt.Fprintf(p.app.Err, "%s %s\n", p.app.Now().UTC().Format(time.RFC3339), p.line())
		}
	}
}

// say writes a line above what is shown.
func (p *progress) say(format string, args ...any) {
	if p.app.Quiet {
		return
	}
	words := fmt.Sprintf(format, args...)
	p.mu.Lock()
	live := p.live
	p.mu.Unlock()
	if live != nil {
		live.Say(words)
		return
	}
	_, _ = fmt.Fprintln(p.app.Err, words)
}

func (p *progress) end() {
	close(p.quit)
	<-p.ended
}

// pace is how many trials end a second, and how long the rest will take.
func (p *progress) pace() (rate float64, left time.Duration) {
	rate = float64(p.done) / max((time.Since(p.begun)-p.control.HeldFor()).Seconds(), 0.001)
	if p.done > 0 && p.done < p.total {
		left = (time.Duration(float64(p.total-p.done)/rate*float64(time.Second)) + time.Second).Truncate(time.Second)
	}
	return rate, left
}

// line is the state in one line: done, rate, cost so far, time left, errors.
func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate, left := p.pace()
	var b strings.Builder
	cost := report.Dollars(p.cost.Low.Float())
	if !p.cost.Known() {
		cost = "≥" + cost
	}
	fmt.Fprintf(&b, "%d/%d trials  %.0f/s  %s", p.done, p.total, rate, cost)
	if left > 0 {
		fmt.Fprintf(&b, "  ETA %s", left)
	}
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

// State is how far the evaluation is.
func (p *progress) State() tui.LiveState {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := tui.LiveState{Run: p.run.ID, Name: p.run.Name, Done: p.done, Total: p.total, Cost: p.cost, Held: p.control.Held(), Fixed: p.run.Rate > 0, Stopping: p.stopping}
	s.Rate, s.Left = p.pace()
	for _, i := range p.shown {
		c := p.candidates[i].LiveCandidate
		if q, ok := p.candidates[i].took.Quantile(0.95); ok {
			d := time.Duration(q) * time.Microsecond
			c.P95 = &d
		}
		if c.Judged > 0 {
			iv := stats.Wilson(float64(c.Accepted), float64(c.Judged), 0.95)
			c.Interval.Lo, c.Interval.Hi = &iv.Lo, &iv.Hi
		}
		c.Dropped = p.control.Dropped(i)
		c.Failed = maps.Clone(c.Failed)
		s.Candidates = append(s.Candidates, c)
	}
	for _, t := range p.limits {
		s.Limits = append(s.Limits, t)
	}
	sort.Slice(s.Limits, func(i, j int) bool { return s.Limits[i].Provider < s.Limits[j].Provider })
	return s
}

// Act does what the user asks for.
func (p *progress) Act(a tui.LiveAction) {
	switch a.Do {
	case tui.LiveHold:
		p.control.Hold()
	case tui.LiveRelease:
		p.control.Release()
	case tui.LiveDrop:
		p.drop(p.shown[a.Candidate])
	case tui.LiveStop:
		p.ask()
	}
}

// drop takes what a candidate has not done out of what is to do.
func (p *progress) drop(candidate int) {
	p.control.Drop(candidate)
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.candidates[candidate]
	p.total -= c.Planned - c.Done
	c.Planned = c.Done
}
