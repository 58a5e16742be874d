package eval

import "time"

// RecommendationSchema names the version of the JSON form of Recommendation.
// Fields are only ever added to it.
const RecommendationSchema = "infer.recommendation/1"

// Recommendation is what the evidence of one run says about each kind of task.
// It is a function of the store and the rule alone: the same run gives the same
// bytes.
type Recommendation struct {
	Schema     string    `json:"schema"`
	Run        string    `json:"run"`
	Dataset    Dataset   `json:"dataset"`
	EvidenceAt time.Time `json:"evidence_at"` // when the run was last written
	Grading    int       `json:"grading"`
	Rule       Rule      `json:"rule"`
	PricesAsOf string    `json:"prices_as_of,omitempty"` // the oldest date among the prices used, YYYY-MM-DD

	Types []TypeDecision `json:"task_types"` // sorted by name
	// Static compares the table of per-type defaults with the best single
	// candidate and with an oracle that knows for each task who succeeds; nil
	// where they cannot be computed.
	Static *StaticComparison `json:"static,omitempty"`
	// Policies are the simple policies that were searched, best first; nil = none
	// were asked for.
	Policies []PolicyValue `json:"policies,omitempty"`
	// ExpectedWrong bounds how many of the selections are expected to be wrong:
	// α × selected types.
	ExpectedWrong float64  `json:"expected_wrong_types"`
	Warnings      []string `json:"warnings"`
}

// Rule is what a decision was made by, fixed before the run was looked at.
type Rule struct {
	Alpha        float64 `json:"alpha"`         // error of one type's decision
	BackupMargin float64 `json:"backup_margin"` // factor on a type's margin for its backup
	Seed         uint64  `json:"seed"`          // of the split halves and resamples
	Splits       int     `json:"splits"`
	Resamples    int     `json:"resamples"`
	Incumbent    string  `json:"incumbent,omitempty"`
	Triggers     []Class `json:"triggers"` // classes that hand over to a backup
	Retry        Retry   `json:"retry"`
	Limits       Limits  `json:"limits"`
	MinReliable  float64 `json:"min_reliability,omitempty"` // floor of the reliability gate; 0 = none
}

// DecisionVerdict is how the decision on one task type came out.
type DecisionVerdict string

// The decision verdicts.
const (
	Selected             DecisionVerdict = "selected"
	SelectedTie          DecisionVerdict = "selected_tie_kept_incumbent"
	InsufficientEvidence DecisionVerdict = "insufficient_evidence"
	NoneEligible         DecisionVerdict = "none_eligible"
	// Overruled is a person's choice; the evidence never comes out so.
	Overruled DecisionVerdict = "overruled"
)

// TypeDecision is the decision on one task type.
type TypeDecision struct {
	TaskType string          `json:"task_type"`
	Class    RequestClass    `json:"class"`
	Margin   float64         `json:"margin"`
	SLO      time.Duration   `json:"slo,omitempty"`
	Limits   GateLimits      `json:"limits"`                     // the hard gates
	Volume   int64           `json:"volume_per_month,omitempty"` // tasks; 0 = unknown
	Tasks    int64           `json:"tasks"`
	Clusters int64           `json:"clusters"`          // independent tasks
	Confirm  bool            `json:"confirm,omitempty"` // never falls back without a person's word
	Verdict  DecisionVerdict `json:"verdict"`
	Default  string          `json:"default"` // candidate name; "" = none
	Reasons  []string        `json:"reasons"` // why, in words, the deciding one first

	Backup    *Backup       `json:"backup"`              // nil = none; NoBackup says why
	NoBackup  string        `json:"no_backup,omitempty"` // in words
	Downgrade []Alternative `json:"downgrade,omitempty"` // cheaper and within the margin
	Escalate  []Alternative `json:"escalate,omitempty"`  // stronger where the default falls short
	Retry     string        `json:"retry_rule"`          // in words, with the figures it rests on
	Review    string        `json:"review_rule"`
	Rollback  string        `json:"rollback"`

	More *MoreTasks `json:"more_tasks,omitempty"` // what would settle it; nil = it is settled

	Candidates []CandidateEvidence `json:"candidates"`       // in order of the plan
	Pareto     []string            `json:"pareto,omitempty"` // names on the front of acceptance and cost per accepted

	Honest     *Honest  `json:"honest,omitempty"`      // winner's-curse-corrected figures of the default
	SameChoice *float64 `json:"same_choice,omitempty"` // share of resamples that choose the same
	RegretUSD  *float64 `json:"regret_usd_per_month,omitempty"`
}

// Backup is the candidate that takes over when the default fails.
type Backup struct {
	Candidate string   `json:"candidate"`
	Rescue    *float64 `json:"rescue"` // P(backup accepted | default not), shrunk; nil = too few failures to say
	RescueLo  *float64 `json:"rescue_lo"`
	RescueHi  *float64 `json:"rescue_hi"`
	Failures  int64    `json:"default_failures"` // tasks that the default failed
	Combined  *float64 `json:"combined"`         // acceptance of default with this backup
	BothFail  *float64 `json:"both_fail"`
	// Lift is how much likelier both are down in the same five minutes than if their
	// outages were independent: 1 = as likely; nil = too few windows, or no outage.
	Lift   *float64 `json:"outage_lift,omitempty"`
	Reason string   `json:"reason"`
}

// Alternative is a candidate to move to, and when.
type Alternative struct {
	Candidate string `json:"candidate"`
	Rule      string `json:"rule"`
}

// MoreTasks says how many further tasks would settle a decision, and their price.
type MoreTasks struct {
	Tasks   int64    `json:"tasks"`
	CostUSD *float64 `json:"cost_usd"` // for all candidates still in question; nil = unknown
	Hint    string   `json:"hint"`     // in words; says so where more tasks are not expected to help
}

// CandidateEvidence is what a decision saw of one candidate.
type CandidateEvidence struct {
	Candidate  string       `json:"candidate"`
	N          int64        `json:"n"`        // judged trials
	Clusters   int64        `json:"clusters"` // independent tasks
	Acceptance *Figure      `json:"acceptance"`
	Cost       *Figure      `json:"cost_per_accepted_usd"` // nil = unknown
	Gates      []GateResult `json:"gates"`                 // hard gates
	Quality    string       `json:"quality"`               // best, within, undecided, inferior
	Versus     []Comparison `json:"versus,omitempty"`      // against every rival
	Eligible   bool         `json:"eligible"`
	WhyNot     string       `json:"why_not,omitempty"`
	Group      int          `json:"rank_group"` // 1 = not separable from the best; larger ones are
	// Dominated is "possibly" where another candidate has no worse acceptance, cost,
	// p95 and reliability, "shown" where it is better with evidence on the first
	// two; "" = neither.
	Dominated  string   `json:"dominated,omitempty"`
	LatencyP95 *int64   `json:"latency_p95_us"` // user-visible; nil = unknown
	Reliable   *float64 `json:"reliability"`    // share of trials with an answer
}

// Figure is a number with its interval; nil ends are unbounded or unknown.
type Figure struct {
	Point *float64 `json:"point"`
	Lo    *float64 `json:"lo"`
	Hi    *float64 `json:"hi"`
}

// Comparison is one candidate against another on the same tasks.
type Comparison struct {
	Rival      string  `json:"rival"`
	Pairs      int64   `json:"pairs"`    // tasks with both
	Clusters   int64   `json:"clusters"` // independent ones of them
	Difference float64 `json:"difference"`
	Lo         float64 `json:"lo"`
	Hi         float64 `json:"hi"`
	NIP        float64 `json:"noninferiority_p"` // against the margin, before correction
	McNemarP   float64 `json:"mcnemar_mid_p"`
	HolmP      float64 `json:"holm_p"`
	CostRatio  *Figure `json:"cost_ratio"` // cost per accepted, candidate ÷ rival; nil = unknown
	Sentence   string  `json:"sentence"`   // better, within the margin, or undecided: about N more tasks
	OnlyThis   int64   `json:"only_this"`  // tasks that only this candidate got accepted (any repeat rule: mean > ½)
	OnlyRival  int64   `json:"only_rival"`
	MoreTasks  *int64  `json:"more_tasks,omitempty"`
}

// Honest are figures of a choice measured on tasks that did not make it.
type Honest struct {
	Acceptance float64  `json:"acceptance"`
	CostUSD    *float64 `json:"cost_per_accepted_usd"`
	Splits     int      `json:"splits"`
}

// StaticComparison is the value of the per-type table beside simpler choices.
type StaticComparison struct {
	Table      PolicyValue `json:"table"`
	BestSingle PolicyValue `json:"best_single"`
	Oracle     PolicyValue `json:"oracle"`
}

// PolicyValue is what a policy achieves on the stored outcomes.
type PolicyValue struct {
	Name         string  `json:"name"`
	Acceptance   *Figure `json:"acceptance"`
	Cost         *Figure `json:"cost_per_accepted_usd"`
	CallsPer     float64 `json:"calls_per_task"`
	LatencyP95   *int64  `json:"latency_p95_us"`
	Extrapolated bool    `json:"extrapolated,omitempty"` // repeats were missing; see Notes
	Honest       *Honest `json:"honest,omitempty"`
	Notes        string  `json:"notes,omitempty"`
}
