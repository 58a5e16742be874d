package eval

import (
	"math"
	"math/bits"
	"time"
)

// ReviewMode is what a reviewer is shown.
type ReviewMode string

// The review modes.
const (
	ReviewSingle ReviewMode = "single" // one answer: accept, fix or reject
	ReviewPairs  ReviewMode = "pairs"  // two candidates' answers to one task, side by side, sides drawn by lot
)

// Review is a seeded sample of a run's answers for people to judge.
type Review struct {
	ID         string     `json:"id"`
	Run        string     `json:"run"`
	Mode       ReviewMode `json:"mode"`
	Seed       uint64     `json:"seed"`
	Size       int        `json:"size"`                 // how many were wanted: in all, or of each cell
	PerCell    bool       `json:"per_cell,omitempty"`   // Size is for each candidate and task type
	TaskType   string     `json:"task_type,omitempty"`  // "" = every type
	Candidates []int      `json:"candidates,omitempty"` // indices into Run.Candidates; of pairs, the two; none = all
	Population int        `json:"population"`           // how many answers, or pairs, it was drawn from
	Items      int        `json:"items"`                // how many were drawn
	HourlyRate *Money     `json:"hourly_rate,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
}

// ReviewItem is one answer, or one pair, of a review.
type ReviewItem struct {
	Seq         int     // from 0, in the order in which reviewers see them
	Probability float64 // with which the sample took it
	First       Answer
	Second      *Answer // of a pair
	Swapped     bool    // of a pair: the second answer is shown on the left
}

// Answer is one stored answer as a reviewer sees it, with what he is not told.
type Answer struct {
	TaskSeq   int
	TaskID    string
	TaskType  string
	Cluster   int64 // number of what was sampled independently
	Candidate int   // index into Run.Candidates
	Repeat    int
	Attempt   int       // Attempt.Seq
	Text      Untrusted // the answer's text
	ToolCalls []ToolCall
	Machine   Verdict // what the graders say of this answer as it stands, before any repair
}

// LabelKind is a reviewer's word on an item.
type LabelKind string

// The labels. The first three are of single answers, the next four of pairs.
const (
	LabelAccept  LabelKind = "accept"
	LabelFix     LabelKind = "fix"
	LabelReject  LabelKind = "reject"
	LabelFirst   LabelKind = "first"
	LabelSecond  LabelKind = "second"
	LabelBoth    LabelKind = "both"    // both are good enough
	LabelNeither LabelKind = "neither" // both are bad
	LabelSkip    LabelKind = "skip"    // the reviewer cannot tell
)

// Fits reports whether a label is one of a mode.
func (k LabelKind) Fits(m ReviewMode) bool {
	switch k {
	case LabelAccept, LabelFix, LabelReject:
		return m == ReviewSingle
	case LabelFirst, LabelSecond, LabelBoth, LabelNeither:
		return m == ReviewPairs
	}
	return k == LabelSkip
}

// Label is what one reviewer says of one item.
type Label struct {
	Item     int // ReviewItem.Seq
	Reviewer string
	Kind     LabelKind
	Reasons  []string
	Note     Untrusted
	Edit     *Untrusted     // the answer as the reviewer mended it; nil = it was not mended
	FixTime  *time.Duration // spent mending; nil = nothing was mended, or it was not measured
	Took     *time.Duration // spent on the item in all; nil = not measured
	At       time.Time
}

// Apply lays a person's word on the trial's answer over what the machine decided.
//
// A real repair takes the place of an imputed one: its time is observed, and it
// costs the hourly rate (nil = unknown). A word that no repair was needed, or that
// none would do, takes an imputed repair back. Apart from that a label leaves the
// verdict alone: people see a sample, and a rate that mixes their verdicts with
// the graders' would be neither.
func (t *Trial) Apply(l *Label, rule *RepairRule, rate *Money) {
	yes, no := true, false
	imputed := t.HumanFix != nil && *t.HumanFix && t.HumanFixFrom == Imputed
	switch l.Kind {
	case LabelFix:
		t.HumanFix, t.HumanFixFrom, t.Verdict = &yes, Observed, Accepted
		switch {
		case l.FixTime != nil:
			t.HumanFixTime, t.Cost.Repair = *l.FixTime, UnknownCost()
			if rate == nil && rule != nil {
				rate = &rule.HourlyRate
			}
			if rate != nil {
				t.Cost.Repair = Exactly(perHour(*rate, *l.FixTime))
			}
		case rule != nil: // it was mended, nobody measured for how long
			t.HumanFixFrom, t.HumanFixTime, t.Cost.Repair = Imputed, rule.Time(), Exactly(rule.Cost())
		default:
			t.HumanFixTime, t.Cost.Repair = 0, UnknownCost()
		}
	case LabelAccept, LabelReject:
		if !imputed && t.Verdict != Accepted {
			return
		}
		if l.Kind == LabelReject && !imputed {
			return
		}
		if l.Kind == LabelReject {
			t.Verdict = Rejected
		}
		t.HumanFix, t.HumanFixFrom, t.HumanFixTime, t.Cost.Repair = &no, Observed, 0, Exactly(0)
	}
}

// Cost is what a person's time on one item of the review cost beside mending, which
// is a part of the trial's own cost: at the review's hourly rate, else at that of
// the task type's repair rule. It is unknown without a rate or a time.
func (r *Review) Cost(l *Label, rule *RepairRule) Cost {
	rate := r.HourlyRate
	if rate == nil && rule != nil {
		rate = &rule.HourlyRate
	}
	if rate == nil || l.Took == nil {
		return UnknownCost()
	}
	took := *l.Took
	if l.FixTime != nil {
		took -= *l.FixTime
	}
	return Exactly(perHour(*rate, took))
}

// perHour is what so much time costs at an hourly rate, rounded down to a
// pico-USD; the most that Money holds where it does not fit.
func perHour(rate Money, d time.Duration) Money {
	if rate <= 0 || d <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(rate), uint64(d))
	if hi >= uint64(time.Hour) {
		return math.MaxInt64
	}
	n, _ := bits.Div64(hi, lo, uint64(time.Hour))
	return Money(min(n, math.MaxInt64))
}
