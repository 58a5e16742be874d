package decide

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"infer/eval"
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
	if run.Batched {
		r.warn("calls were made in batches: costs are those of a batch, and no latency is known; run the choice without --batch before production")
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
