package route

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"infer/eval"
)

// Service is where a provider of the configuration is called.
type Service struct {
	API     string // wire protocol; "" = nothing that a gateway could call
	BaseURL string
	KeyEnv  string // environment variable that a gateway finds the key in; "" = none is needed
	// Headers are the names of headers that the provider is called with; Endpoint is
	// as in Model.
	Headers  []string
	Endpoint string
	Why      string // why no gateway could call it, where API is ""
}

// BuildOptions are what a recommendation does not say.
type BuildOptions struct {
	Service func(provider string) Service
	Expires time.Time // from that day on the table is to be measured again; zero = never
}

// Build turns a recommendation on a run into a routing table. A task type that the
// evidence does not decide is listed as undecided; it keeps the incumbent alone,
// or has no route where there is none. Errors are
// eval.KindInvalid for a default that no gateway can call, and
// eval.KindIncomplete where no task type has a default.
func Build(rec *eval.Recommendation, run *eval.Run, o BuildOptions) (*Routes, error) {
	at := rec.EvidenceAt
	b := builder{rec: rec, run: run, o: o, r: &Routes{Schema: Schema, Name: run.Name, Models: []Model{}, Routes: []Route{}, Evidence: Evidence{Run: rec.Run, Grading: rec.Grading,
		Dataset: rec.Dataset.Name, DatasetDigest: rec.Dataset.Digest.String(), Tasks: rec.Dataset.Tasks, At: &at, PricesAsOf: rec.PricesAsOf}}}
	if !o.Expires.IsZero() {
		b.r.Evidence.Expires = o.Expires.UTC().Format(time.DateOnly)
	}
	for i := range rec.Types {
		if err := b.add(&rec.Types[i]); err != nil {
			return nil, fmt.Errorf("task type %s: %w", eval.Untrusted(rec.Types[i].TaskType).Line(60), err)
		}
	}
	slices.SortFunc(b.r.Models, func(x, y Model) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(b.r.Routes, func(x, y Route) int { return strings.Compare(x.TaskType, y.TaskType) })
	if len(b.r.Routes) == 0 {
		return nil, eval.WithHint(eval.KindIncomplete, fmt.Errorf("the evidence of run %s gives no task type a default", rec.Run), "`infer recommend` says how many more tasks would settle it")
	}
	return b.r, b.r.Validate()
}

type builder struct {
	rec *eval.Recommendation
	run *eval.Run
	o   BuildOptions
	r   *Routes
}

func (b *builder) candidate(name string) *eval.Candidate {
	for i := range b.run.Candidates {
		if b.run.Candidates[i].Name == name {
			return &b.run.Candidates[i]
		}
	}
	return nil
}

func (b *builder) add(d *eval.TypeDecision) error {
	c := b.candidate(d.Default)
	if d.Verdict != eval.Selected && d.Verdict != eval.SelectedTie && d.Verdict != eval.Overruled {
		b.r.Undecided = append(b.r.Undecided, undecided(d))
		if d.Default == "" {
			return nil
		}
	}
	if c == nil {
		return eval.Invalid(fmt.Errorf("run %s has no candidate %s", b.run.ID, eval.Untrusted(d.Default).Line(60)), "name the run that the recommendation is of")
	}
	rule := &b.rec.Rule
	x := Route{TaskType: d.TaskType, Class: d.Class, StopAfterBackup: true, Confirm: d.Confirm, NoBackup: d.NoBackup, Review: d.Review, Rollback: d.Rollback,
		On: ordered(rule.Triggers), Evidence: evidenceOf(d)}
	x.Retry = retryOf(rule.Retry)
	x.TimeoutMS, x.FirstTokenMS = rule.Limits.Timeout.Milliseconds(), rule.Limits.FirstToken.Milliseconds()
	backup := (*eval.Candidate)(nil)
	if d.Backup != nil {
		backup = b.candidate(d.Backup.Candidate)
		if d.Verdict == eval.Overruled && backup != nil && backup.Provider == c.Provider {
			backup, x.NoBackup = nil, "the backup of the evidence is at the provider of the default that a person chose"
		}
	}
	var context *eval.Candidate
	if p := c.Policy; p != nil { // a measured policy is exported as it was measured
		c, backup, context = p.DefaultCandidate, p.BackupCandidate, p.ContextCandidate
		x.On, x.Retry = ordered(p.On), retryOf(c.Retry)
		x.Confirm = x.Confirm || slices.Contains(p.Confirm, d.TaskType)
		if backup != nil {
			x.Retry.BackupMax = backup.Retry.Max
		}
		x.TimeoutMS, x.FirstTokenMS = c.Limits.Timeout.Milliseconds(), c.Limits.FirstToken.Milliseconds()
	}
	if x.TimeoutMS == 0 {
		x.TimeoutMS = c.Limits.Timeout.Milliseconds()
	}
	x.Params = Params(c.Params)
	if len(x.Params) == 0 {
		x.Params = nil
	}
	x.PromptDigest = promptDigest(&c.Prompt, d.TaskType)
	if err := b.name(&x, c, backup, context); err != nil {
		return err
	}
	b.r.Routes = append(b.r.Routes, x)
	return nil
}

// undecided says why a task type is open, what stays meanwhile, and what would
// settle it.
func undecided(d *eval.TypeDecision) Undecided {
	reason := strings.ReplaceAll(string(d.Verdict), "_", " ")
	if len(d.Reasons) > 0 {
		reason += ": " + d.Reasons[0]
	}
	if d.Default != "" {
		reason += "; " + d.Default + " stays"
	}
	if d.More != nil && d.More.Tasks > 0 {
		reason += fmt.Sprintf("; about %d more tasks would settle it", d.More.Tasks)
	}
	return Undecided{d.TaskType, reason}
}

// name adds the route's models and names them in it. A backup that is a policy
// itself stands for its default.
func (b *builder) name(x *Route, c, backup, context *eval.Candidate) error {
	var err error
	if x.Default, err = b.model(c); err != nil {
		return err
	}
	dest := &x.Backup
	if x.Confirm {
		dest = &x.ConfirmBackup
		if x.NoBackup == "" {
			x.NoBackup = "a person must agree to another model first"
		}
	}
	if backup != nil && backup.Policy != nil {
		backup = backup.Policy.DefaultCandidate
	}
	if backup != nil && backup.Name != c.Name {
		if *dest, err = b.model(backup); err != nil {
			return err
		}
	}
	if context != nil && !x.Confirm {
		if x.ContextBackup, err = b.model(context); err != nil {
			return err
		}
	}
	if x.Backup == "" {
		x.On = nil
	}
	return nil
}

// model adds a candidate's model, once, and returns its name.
func (b *builder) model(c *eval.Candidate) (string, error) {
	s := b.o.Service(c.Provider)
	if s.API == "" {
		why := s.Why
		if why == "" {
			why = "the configuration here has no address for it"
		}
		return "", eval.Invalid(fmt.Errorf("candidate %s is answered by provider %s, which no gateway can call: %s", eval.Untrusted(c.Name).Line(60), eval.Untrusted(c.Provider).Line(60), why),
			"configure the provider with its base_url or preset, or write the table by hand and name it with --policy")
	}
	m := Model{Name: c.Name, Provider: c.Provider, API: s.API, Model: c.Model, BaseURL: s.BaseURL, KeyEnv: s.KeyEnv, Headers: s.Headers, Endpoint: s.Endpoint}
	m.BaseURL = m.base()
	if b.r.model(m.Name) == nil {
		b.r.Models = append(b.r.Models, m)
	}
	return m.Name, nil
}

// retryOf writes a retry rule out: one that names no class means every class that
// the failure table allows.
func retryOf(r eval.Retry) Retry {
	on := ordered(r.On)
	if r.On == nil {
		on = Triggers()
	}
	x := Retry{Max: min(r.Max, maxRetries), BackupMax: min(r.Max, maxRetries), On: on, BaseDelayMS: r.BaseDelay.Milliseconds(), MaxDelayMS: r.MaxDelay.Milliseconds()}
	if len(on) == 0 {
		x = Retry{}
	}
	return x
}

// promptDigest identifies what a candidate puts around tasks of a type; "" =
// nothing.
func promptDigest(p *eval.Prompt, taskType string) string {
	q := eval.Prompt{System: p.System, Template: p.Template}
	for _, e := range p.Examples {
		if e.TaskType == taskType {
			q.Examples = append(q.Examples, e)
		}
	}
	if q.System == "" && q.Template == "" && len(q.Examples) == 0 {
		return ""
	}
	return eval.DigestJSON(&q).String()
}

func evidenceOf(d *eval.TypeDecision) RouteEvidence {
	e := RouteEvidence{Verdict: d.Verdict}
	if len(d.Reasons) > 0 {
		e.Reason = d.Reasons[0]
	}
	for i := range d.Candidates {
		if c := &d.Candidates[i]; c.Candidate == d.Default {
			e.N, e.Clusters = c.N, c.Clusters
			e.Acceptance, e.CostPerAccepted = intervalOf(c.Acceptance), intervalOf(c.Cost)
		}
	}
	if d.Backup != nil {
		e.BackupRescue = intervalOf(&eval.Figure{Point: d.Backup.Rescue, Lo: d.Backup.RescueLo, Hi: d.Backup.RescueHi})
	}
	return e
}

// intervalOf returns nil where nothing of the figure is known.
func intervalOf(f *eval.Figure) *Interval {
	if f == nil || f.Point == nil && f.Lo == nil && f.Hi == nil {
		return nil
	}
	return &Interval{Point: f.Point, Lo: f.Lo, Hi: f.Hi}
}
