package decide

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"infer/eval"
	"infer/scoring/stats"
)

// Input is everything that a recommendation rests on.
type Input struct {
	Run      *eval.Run
	Evidence *Evidence
	Rule     eval.Rule
	// Limits are the hard gates of a task type; nil = none.
	Limits func(taskType string) eval.GateLimits
	// Checked is what people's labels make of acceptance that rests on judges: such
	// a floor holds by their word only. nil = there are none.
	Checked func(taskType string, candidate int) *Checked
	// Windows says when a candidate was down, for how outages fall together; nil = not
	// known.
	Windows func(candidate int) Windows
	// StrictFamily divides α by the number of task types, so that it bounds the
	// error over all of them.
	StrictFamily bool
	// AllowPartial decides on the tasks that all candidates have in common where
	// they do not have the same ones.
	AllowPartial bool
	// Policies searches simple policies too.
	Policies bool
}

// DefaultRule is the rule where the project sets none: α 5 %, backups within
// twice the margin, 20 split halves and 2,000 resamples.
func DefaultRule(seed uint64) eval.Rule {
	return eval.Rule{Alpha: 0.05, BackupMargin: 2, Seed: seed, Splits: 20, Resamples: 2000}
}

// defaultMargin is the non-inferiority margin of a task type that sets none.
const defaultMargin = 0.05

// ErrUnequal is returned where candidates have outcomes of different tasks.
var ErrUnequal = errors.New("the candidates were not tried on the same tasks")

// recommender is one recommendation under way.
type recommender struct {
	in        Input
	evidence  *Evidence
	cand      []int // places of the compared candidates in the run
	names     []string
	providers []string
	hosts     []string
	incumbent int
	alpha     float64
	resampler *resampler
	out       *eval.Recommendation
}

// Recommend decides each task type of a run by the rule, from the outcomes alone.
// Candidates that are policies are measured, not recommended. It fails with
// ErrUnequal where candidates have different tasks, unless partial evidence is
// allowed, and with eval.KindIncomplete where there is no outcome at all.
func Recommend(in Input) (*eval.Recommendation, error) {
	r, err := newRecommender(in)
	if err != nil {
		return nil, err
	}
	n := len(r.evidence.types)
	sums, picks := make([]*typeSums, n), make([]int, n)
	r.out.Types = make([]eval.TypeDecision, n)
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, t := range r.evidence.types {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			var d *decider
			d, r.out.Types[i], picks[i] = r.decide(t)
			sums[i] = d.s
			sums[i].columns = nil // the largest part, and not needed any more
		}()
	}
	wg.Wait()
	r.finish(sums, picks)
	if in.Policies {
		if err := r.searchPolicies(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

// searchPolicies fills in the simple policies that were replayed.
func (r *recommender) searchPolicies() error {
	replay := Replay{Evidence: r.evidence.only(r.cand), Names: r.names, Providers: r.providers, Triggers: r.in.Rule.Triggers, Seed: r.in.Rule.Seed, Splits: r.in.Rule.Splits}
	var err error
	r.out.Policies, err = replay.Search()
	return err
}

func newRecommender(in Input) (*recommender, error) {
	run := in.Run
	r := &recommender{in: in, evidence: in.Evidence, incumbent: -1, alpha: in.Rule.Alpha, resampler: newResampler(in.Rule.Seed, in.Rule.Resamples)}
	for i := range run.Candidates {
		c := &run.Candidates[i]
		if c.Policy != nil || c.Recorded { // what was recorded cannot be called
			continue
		}
		r.cand, r.names = append(r.cand, i), append(r.names, c.Name)
		r.providers, r.hosts = append(r.providers, c.Provider), append(r.hosts, c.Host)
		if c.Name == in.Rule.Incumbent {
			r.incumbent = len(r.cand) - 1
		}
	}
	r.out = &eval.Recommendation{Schema: eval.RecommendationSchema, Run: run.ID, Dataset: run.Dataset, EvidenceAt: run.UpdatedAt,
		Grading: run.Grading.Number, Rule: in.Rule, Types: []eval.TypeDecision{}, Warnings: []string{}}
	if len(r.cand) == 0 || len(in.Evidence.types) == 0 {
		return nil, eval.WithHint(eval.KindIncomplete, fmt.Errorf("run %s has no outcome of a single model to decide on", run.ID), "`infer eval` makes outcomes; policies alone cannot be compared")
	}
	if err := r.equalise(); err != nil {
		return nil, err
	}
	if r.in.StrictFamily {
		r.alpha /= float64(len(r.evidence.types))
	}
	if in.Rule.Incumbent != "" && r.incumbent < 0 {
		r.warn("the incumbent %s is not among the single models of this run", named(in.Rule.Incumbent))
	}
	return r, nil
}

func (r *recommender) warn(format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, args...))
}

// equalise makes sure that all candidates are compared on the same tasks.
func (r *recommender) equalise() error {
	common, left, detail := r.evidence.common(r.cand, r.names)
	if left == 0 {
		return nil
	}
	if !r.in.AllowPartial && r.in.Run.Race != nil {
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%w, since they were raced: %s", ErrUnequal, detail), "`infer report` shows what the race decided; the same `infer eval` without --race runs what it left out")
	}
	if !r.in.AllowPartial {
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%w: %s", ErrUnequal, detail), "finish the run, or decide on the tasks that they have in common with --allow-partial")
	}
	if len(common.types) == 0 {
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%w, and have none in common: %s", ErrUnequal, detail), "run all candidates on the same tasks")
	}
	r.evidence = common
	r.warn("decided on the tasks that all candidates have in common; %d tasks are left out (%s)", left, detail)
	return nil
}

// TaskTypeOf is what a run says of a task type, with the defaults.
func TaskTypeOf(run *eval.Run, name string) eval.TaskType {
	for _, t := range run.TaskTypes {
		if t.Name == name {
			if t.Class == "" {
				t.Class = eval.LowRisk
			}
			if t.Margin <= 0 {
				t.Margin = defaultMargin
			}
			return t
		}
	}
	return eval.TaskType{Name: name, Class: eval.LowRisk, Margin: defaultMargin}
}

// decide decides one task type and returns the place of its default, −1 = none.
func (r *recommender) decide(t *typeData) (*decider, eval.TypeDecision, int) {
	kind := TaskTypeOf(r.in.Run, t.name)
	var limits eval.GateLimits
	if r.in.Limits != nil {
		limits = r.in.Limits(t.name)
	}
	if limits.SLO == 0 {
		limits.SLO = kind.SLO
	}
	s := sum(t, r.cand, limits.SLO.Microseconds(), r.in.Rule.Seed)
	d := newDecider(kind, limits, r.alpha, r.in.Rule.BackupMargin, r.incumbent, r.providers, s)
	v, c := s.columns.view(), d.newChoice()
	v.load(nil)
	d.choose(v, 1, c)
	capped := d.capped(r.names)
	if capped == "" && c.pick >= 0 {
		capped = r.unchecked(d, t.name, c.pick)
	}
	if capped != "" && c.verdict != eval.NoneEligible {
		c.verdict, c.pick = eval.InsufficientEvidence, d.provisional(v, 1, c)
	}
	dec := eval.TypeDecision{TaskType: t.name, Class: kind.Class, Margin: kind.Margin, SLO: limits.SLO, Limits: limits, Volume: kind.Volume,
		Confirm: kind.Confirm, Verdict: c.verdict, Tasks: int64(s.tasks), Clusters: int64(s.clusters)}
	if c.pick >= 0 {
		dec.Default = r.names[c.pick]
	}
	separate := d.separation(v)
	dec.Candidates = d.evidence(v, c, r.names, separate)
	dec.Reasons = d.reasons(v, c, r.names, capped)
	for _, i := range d.pareto(v) {
		dec.Pareto = append(dec.Pareto, r.names[i])
	}
	r.advise(d, v, c, &dec)
	r.stability(d, v, c, &dec)
	return d, dec, c.pick
}

// unchecked says why a floor on acceptance is not shown where acceptance rests on
// judges; "" = it is, or there is none.
func (r *recommender) unchecked(d *decider, taskType string, pick int) string {
	floor := d.limits.MinAcceptance
	if floor == nil || !r.in.Run.Grading.RestsOnJudges(taskType) {
		return ""
	}
	g := checkedGate(eval.GateResult{Gate: GateAcceptance}, r.in.Checked, taskType, r.cand[pick], d.s.cand[pick].answered, *floor)
	if g.State == eval.GatePass {
		return ""
	}
	return named(r.names[pick]) + ": " + g.Reason
}

func decided(v eval.DecisionVerdict) bool { return v == eval.Selected || v == eval.SelectedTie }

// advise fills in what goes with a default.
func (r *recommender) advise(d *decider, v *view, c *choice, dec *eval.TypeDecision) {
	measured := c.pick
	if r.in.Run.Imported {
		measured = -1 // what recorded outcomes do not say of retries is unknown, not none
	}
	dec.Retry = d.retryRule(r.in.Rule, measured)
	dec.Rollback = d.rollback(r.names, c, r.in.Run.UpdatedAt.UTC().Format("2006-01-02"))
	if !decided(c.verdict) {
		dec.NoBackup = "no default is selected, so no backup is"
		dec.Review = d.reviewRule(v, -1)
		dec.More = d.more(c)
		return
	}
	dec.Review = d.reviewRule(v, c.pick)
	dec.Backup, dec.NoBackup = d.chooseBackup(v, c, r.names, r.hosts)
	if b := dec.Backup; b != nil {
		var words string
		b.Lift, words = r.correlate(c.pick, slices.Index(r.names, b.Candidate))
		b.Reason += words
	}
	dec.Downgrade = d.downgrades(v, c, r.names)
	dec.Escalate = d.escalations(v, c, r.names)
}

// stability fills in how far the choice would be another one on other tasks.
func (r *recommender) stability(d *decider, v *view, c *choice, dec *eval.TypeDecision) {
	if c.pick < 0 || d.s.clusters < minClusters {
		return
	}
	dec.Honest = d.honest(r.in.Rule.Splits, r.in.Rule.Seed)
	if r.in.Rule.Resamples <= 0 {
		return
	}
	st := d.resample(r.resampler, c.pick)
	dec.SameChoice = &st.same
	if d.kind.Volume <= 0 || d.high() || !d.priced(c.pick) {
		return
	}
	regret := st.regret * float64(d.kind.Volume) * v.rate(c.pick, colAccepted, colJudged)
	dec.RegretUSD = &regret
	near := v.rate(c.pick, colAccepted, colJudged) >= v.rate(d.byAcceptance(v)[0], colAccepted, colJudged)-d.kind.Margin // else more than money is at stake
	if near && dec.More != nil && dec.More.CostUSD != nil && regret < *dec.More.CostUSD {
		dec.More.Hint += fmt.Sprintf("; more evaluation is not worth its cost: a wrong choice is expected to lose %s a month", dollars(regret))
	}
}

// finish fills in what concerns all task types.
func (r *recommender) finish(sums []*typeSums, picks []int) {
	selected := 0
	for i := range r.out.Types {
		if decided(r.out.Types[i].Verdict) {
			selected++
		}
	}
	r.out.ExpectedWrong = r.alpha * float64(selected)
	var why string
	if r.out.Static, why = static(r.evidence, sums, picks, r.cand, r.names); why != "" {
		r.warn("%s", why)
	}
	var invented []string
	for i, c := range r.cand {
		if c >= len(r.in.Run.Prices) || r.in.Run.Prices[c].Model == "" {
			continue
		}
		p := &r.in.Run.Prices[c]
		if p.AsOf != "" && (r.out.PricesAsOf == "" || p.AsOf < r.out.PricesAsOf) {
			r.out.PricesAsOf = p.AsOf
		}
		if p.Example {
			invented = append(invented, named(r.names[i]))
		}
	}
	if len(invented) > 0 {
		r.warn("invented example prices: %s", strings.Join(invented, ", "))
	}
	r.warnCosts(sums)
}

// warnCosts names the cost figures that hang on few tasks.
func (r *recommender) warnCosts(sums []*typeSums) {
	var skewed, heavy []string
	for t, s := range sums {
		for i := range s.cand {
			c := &s.cand[i]
			what := named(r.names[i]) + " on " + named(r.evidence.types[t].name)
			if c.skewed && s.clusters >= minClusters {
				skewed = append(skewed, what)
			}
			if s.clusters >= 100 && c.shape.Heavy() || s.clusters >= 2*minClusters && c.shape.MaxShare > 0.1 {
				heavy = append(heavy, fmt.Sprintf("%s (the dearest task is %s of it, the dearest 1%% are %s)", what, percent(c.shape.MaxShare), percent(c.shape.TopShare)))
			}
		}
	}
	if len(skewed) > 0 {
		r.warn("costs are heavy-tailed on few tasks; the upper limit is missed about 5–9%% of the time instead of 2.5%%: %s", strings.Join(skewed, ", "))
	}
	if len(heavy) > 0 {
		r.warn("costs that hang on few tasks: %s", strings.Join(heavy, ", "))
	}
}

// capped says why nothing may be selected, whatever the figures; "" = nothing
// stands against it.
func (d *decider) capped(names []string) string {
	if d.s.clusters < minClusters {
		return fmt.Sprintf("%d independent tasks are too few for any decision: it takes %d at least", d.s.clusters, minClusters)
	}
	for i := range d.s.cand {
		if c := &d.s.cand[i]; c.trials > 0 && float64(c.unjudged) > 0.01*float64(c.trials) {
			return fmt.Sprintf("%d of %d trials of %s could not be judged: more than 1%%, so its rate may be anything", c.unjudged, c.trials, named(names[i]))
		}
	}
	return ""
}

// evidence is what the decision saw of each candidate.
func (d *decider) evidence(v *view, c *choice, names []string, separate []float64) []eval.CandidateEvidence {
	group, dominated := d.groups(v, separate), d.dominated(v, separate)
	out := make([]eval.CandidateEvidence, d.k)
	for i := range out {
		s := &d.s.cand[i]
		e := eval.CandidateEvidence{Candidate: names[i], N: s.judged, Clusters: int64(s.rate.G), Acceptance: rateFigure(s.rate),
			Cost: costFigure(s), Gates: d.results(names[i], i), Quality: d.quality(v, c, i), Eligible: c.eligible(i), Group: group[i], Dominated: dominated[i]}
		if e.Gates == nil {
			e.Gates = []eval.GateResult{}
		}
		if s.p95 >= 0 {
			p95 := int64(s.p95)
			e.LatencyP95 = &p95
		}
		if p, ok := s.answered.Rate(); ok {
			e.Reliable = &p
		}
		for j := range d.k {
			if j != i {
				p := d.s.pair(i, j)
				e.Versus = append(e.Versus, comparison(names[i], names[j], &p, d.kind.Margin, d.alpha, d.alpha/float64(max(1, d.k-1)),
					separate[pairIndex(min(i, j), max(i, j), d.k)], d.priced(i) && d.priced(j)))
			}
		}
		e.WhyNot = whyNot(&e)
		out[i] = e
	}
	return out
}

// costFigure is the cost of an accepted task: a point where every cost is exactly
// known, else what it lies between.
func costFigure(s *candSums) *eval.Figure {
	if s.unpriced > 0 || s.trials == 0 {
		return nil
	}
	if s.accepted == 0 {
		bound, _, ok := stats.CostWithoutAccepted(s.low.C, s.trials, confidence)
		if !ok {
			return nil
		}
		return &eval.Figure{Lo: &bound}
	}
	low, ok1 := stats.CostPerAccepted(s.low, confidence)
	high, ok2 := stats.CostPerAccepted(s.high, confidence)
	if !ok1 || !ok2 {
		return nil
	}
	f := &eval.Figure{Lo: &low.Lo}
	if !high.Unbounded {
		f.Hi = &high.Hi
	}
	if s.inexact == 0 {
		f.Point = &low.Point
	}
	return f
}

// quality is a candidate's standing: best, within, undecided or inferior.
func (d *decider) quality(v *view, c *choice, i int) string {
	switch {
	case c.ok[i] && d.byAcceptance(v)[0] == i:
		return "best"
	case c.ok[i]:
		return "within"
	case c.inferior[i]:
		return "inferior"
	}
	return "undecided"
}

// whyNot says in words why a candidate is not eligible.
func whyNot(e *eval.CandidateEvidence) string {
	if e.Eligible {
		return ""
	}
	for _, want := range []eval.GateState{eval.GateFail, eval.GateUnknown} {
		for i := range e.Gates {
			if g := &e.Gates[i]; g.State == want {
				verb := "fails"
				if want == eval.GateUnknown {
					verb = "does not yet pass"
				}
				return fmt.Sprintf("%s the gate %s: %s", verb, g.Gate, g.Reason)
			}
		}
	}
	worst := -1
	for i := range e.Versus {
		if worst < 0 || e.Versus[i].NIP > e.Versus[worst].NIP {
			worst = i
		}
	}
	if worst < 0 {
		return ""
	}
	return e.Versus[worst].Sentence
}
