package eval

import "time"

// Verdict is how a trial ended. It is never a number: an unscored trial is not
// a rejected one.
type Verdict string

// The verdicts.
const (
	Accepted          Verdict = "accepted"
	Rejected          Verdict = "rejected"
	Unscored          Verdict = "unscored"           // no grader could or did judge it
	Errored           Verdict = "errored"            // no usable answer came
	Diverged          Verdict = "diverged"           // an agent left the recording
	NeedsConfirmation Verdict = "needs_confirmation" // a person must agree to the backup first
)

// Verdicts lists every verdict in the order in which tables show them.
func Verdicts() []Verdict {
	return []Verdict{Accepted, Rejected, Unscored, Errored, Diverged, NeedsConfirmation}
}

// Cause is why an attempt was made.
type Cause string

// The causes.
const (
	CauseFirst      Cause = "first"
	CauseRetry      Cause = "retry"
	CauseFallback   Cause = "fallback"
	CauseRegenerate Cause = "regenerate"
	CauseJudge      Cause = "judge"
	CauseTool       Cause = "tool"
	CauseStep       Cause = "step"
)

// Score is what one grader says of one response.
type Score struct {
	Grader      string    `json:"grader"`
	Pass        *bool     `json:"pass"`            // nil = unscored
	Value       *float64  `json:"value,omitempty"` // in [0, 1] where the grader has one; nil = none
	Explanation Untrusted `json:"explanation,omitempty"`
	Error       Untrusted `json:"error,omitempty"` // why the grader could not judge
	Calls       []Call    `json:"calls,omitempty"` // calls that the grader made
}

// Call is one call that a grader made: of a judge or of an embedder. What was
// asked and answered is kept once under its key, whichever trials it served.
type Call struct {
	Key      Digest        `json:"key"`                // of what was asked, and of whom
	Name     string        `json:"name"`               // of the judge or embedder
	Cached   bool          `json:"cached,omitempty"`   // answered from an earlier call: nothing was spent now
	Attempts int           `json:"attempts,omitempty"` // calls made now, retries included
	Cost     Cost          `json:"cost"`               // spent now
	Took     time.Duration `json:"took,omitempty"`     // in flight now
}

// Grade is the verdict on one response with the scores it rests on: Accepted,
// Rejected or Unscored.
type Grade struct {
	Verdict Verdict
	Scores  []Score
	Cost    Cost // what judging cost (judge calls); shown apart from the answer's cost
}

// Attempt is one provider call inside a trial, as it is stored.
type Attempt struct {
	Seq       int // from 0 within the trial
	Cause     Cause
	Candidate string // name of the candidate that was called (in a policy: which of them)
	Provider  string
	Model     string // asked for
	Served    string // the provider's word; "" = not said
	StartedAt time.Time
	QueueWait time.Duration // waited for a slot or a limit of ours; at a fixed rate, since it was intended
	Backoff   time.Duration // waited before this attempt because the one before failed
	InFlight  time.Duration
	TTFT      *time.Duration
	Backend   *time.Duration
	Recorded  bool // times come from a recording
	// Batch is the provider's number of the batch that the call was part of; "" = it
	// was made by itself. A call in a batch has no times.
	Batch string

	Failure    *Failure // nil = an answer came
	Finish     FinishReason
	FinishRaw  string
	Usage      *Usage
	Billing    Billing
	Cost       Cost
	Status     int
	RequestID  string
	RateLimits map[string]string
	Reason     string // for a fallback: why, in the rule's words

	SystemHash, ToolsHash, ParamsHash Digest

	Output    Untrusted // the answer's text
	ToolCalls []ToolCall
	Refusal   Untrusted
	Grade     *Grade // set where this attempt's answer was graded
}

// CostSplit says where the money of one trial or of many went. The parts are
// disjoint and add up to the final cost; judging is apart from it.
type CostSplit struct {
	Answer       Cost `json:"answer"`          // the first attempt, where it gave an answer
	Retries      Cost `json:"retries"`         // retries of the first attempt that gave an answer
	Failed       Cost `json:"failed_attempts"` // attempts that gave none; and everything that an earlier trial of the same cell cost
	Fallback     Cost `json:"fallback"`        // calls of the backup, its retries too, that gave an answer
	Regeneration Cost `json:"regenerations"`   // calls for another answer, their retries too, that gave one
	Tools        Cost `json:"tools"`
	Repair       Cost `json:"human_repair"`
	Judge        Cost `json:"judge"` // not part of the final cost
}

// Plus adds two splits part by part.
func (s CostSplit) Plus(t CostSplit) CostSplit {
	return CostSplit{
		Answer: s.Answer.Plus(t.Answer), Retries: s.Retries.Plus(t.Retries), Failed: s.Failed.Plus(t.Failed),
		Fallback: s.Fallback.Plus(t.Fallback), Regeneration: s.Regeneration.Plus(t.Regeneration),
		Tools: s.Tools.Plus(t.Tools), Repair: s.Repair.Plus(t.Repair), Judge: s.Judge.Plus(t.Judge),
	}
}

// Final is everything spent to get the task done, judging apart.
func (s CostSplit) Final() Cost {
	return s.Answer.Plus(s.Retries).Plus(s.Failed).Plus(s.Fallback).Plus(s.Regeneration).Plus(s.Tools).Plus(s.Repair)
}

// Trial is one repeat of one task by one candidate, up to its final outcome.
type Trial struct {
	TaskSeq   int
	TaskID    string
	TaskType  string
	Cluster   string
	InputType InputType
	Candidate int // index into Run.Candidates
	Repeat    int // from 0

	Verdict  Verdict
	Final    int // index into Attempts of the attempt whose answer counts; -1 = none
	Attempts []Attempt
	// Earlier is how many of the Attempts, from the first, were made by trials of
	// the same cell that this one replaced: what they cost is in its cost, what
	// they took is not in its times.
	Earlier int
	// Lag is how much later than intended the first call was sent, where calls are
	// sent at a fixed rate (statistics of an open loop); nil = they are not. It is
	// part of the user-visible time: at that rate a user would have waited so long.
	Lag *time.Duration
	// CutOff marks a trial that was stopped from outside before it had an
	// outcome. It is kept for what it spent, and run again.
	CutOff bool
	// Told are the figures of a trial that was run elsewhere and told us; it has
	// no attempts. nil = it was run here.
	Told *Told

	FirstTry      *bool // the first answer was accepted; nil = it was not judged
	AfterRegen    *bool // accepted after at most the allowed regenerations
	Regenerations int
	HumanFix      *bool // a person had, or would have, to repair it; nil = unknown
	HumanFixFrom  Origin
	HumanFixTime  time.Duration

	Cost CostSplit
	Plan string // for needs_confirmation: what the backup would have been asked to do
}

// Own are the attempts that this trial made itself.
func (t *Trial) Own() []Attempt { return t.Attempts[min(t.Earlier, len(t.Attempts)):] }

// UserVisible is the time from the first send to the final result with
// retries, back-off, fallback and regenerations, without our own queue; at a fixed
// rate, from when the first send was intended. It is false where the trial made no
// provider call, or was cut off, or was answered in a batch.
func (t *Trial) UserVisible() (time.Duration, bool) {
	if t.Told != nil {
		return known(t.Told.Latency)
	}
	d, n, timed := spent(t.Own())
	return t.lag() + d, timed && n > 0 && !t.CutOff
}

func (t *Trial) lag() time.Duration {
	if t.Lag == nil {
		return 0
	}
	return *t.Lag
}

// spent adds up what calls took, with the waits before them, and counts them; timed
// is false where one of them has no times.
func spent(attempts []Attempt) (d time.Duration, calls int, timed bool) {
	timed = true
	for i := range attempts {
		if attempts[i].Cause != CauseJudge {
			d += attempts[i].Backoff + attempts[i].InFlight
			timed = timed && attempts[i].Batch == ""
			calls++
		}
	}
	return d, calls, timed
}

// FirstToken is the time from the first send to the first token of the answer
// that counts, failed attempts and waits before it included; false = unknown.
func (t *Trial) FirstToken() (time.Duration, bool) {
	if t.CutOff || t.Final < t.Earlier || t.Final >= len(t.Attempts) || t.Attempts[t.Final].TTFT == nil {
		return 0, false
	}
	d, _, timed := spent(t.Attempts[t.Earlier:t.Final])
	return t.lag() + d + t.Attempts[t.Final].Backoff + *t.Attempts[t.Final].TTFT, timed
}

// Backend is the time that the servers report for all calls of the trial; false
// unless every one of them reported it.
func (t *Trial) Backend() (time.Duration, bool) {
	if t.Told != nil {
		return known(t.Told.Backend)
	}
	var d time.Duration
	own, n := t.Own(), 0
	for i := range own {
		if own[i].Cause == CauseJudge {
			continue
		}
		if own[i].Backend == nil {
			return 0, false
		}
		d += *own[i].Backend
		n++
	}
	return d, n > 0 && !t.CutOff
}

// Retries counts the attempts made because one before them failed on the same
// model.
func (t *Trial) Retries() int {
	if t.Told != nil {
		return t.Told.retries()
	}
	return t.count(CauseRetry)
}

// FallbackUsed reports whether a backup was called.
func (t *Trial) FallbackUsed() bool {
	if t.Told != nil {
		return t.Told.Fallback != nil && *t.Told.Fallback
	}
	return t.count(CauseFallback) > 0
}

// Calls is how many calls the trial made, as far as is known.
func (t *Trial) Calls() int {
	if t.Told != nil {
		return 1 + t.Told.retries()
	}
	return len(t.Attempts)
}

func (t *Trial) count(c Cause) int {
	n := 0
	for i := range t.Attempts {
		if t.Attempts[i].Cause == c {
			n++
		}
	}
	return n
}

// ErrorClass is the class of the last failure of an errored trial; "" else. One
// that was cut off was cancelled, whatever its calls had come to.
func (t *Trial) ErrorClass() Class {
	if t.Verdict != Errored && t.Verdict != NeedsConfirmation {
		return ""
	}
	if t.CutOff {
		return ClassCancelled
	}
	if t.Told != nil {
		return t.Told.Class
	}
	for i := len(t.Attempts) - 1; i >= t.Earlier; i-- {
		if f := t.Attempts[i].Failure; f != nil {
			return f.Class
		}
	}
	return ClassUnknown
}

// Judged reports whether a trial says anything about the candidate's quality. A
// trial that ended in an error does (the user got nothing), and so does one
// that waits for a confirmation; what the harness itself could not do does not:
// an unscored answer, an agent that left the recording, refused credentials, a
// call that the user cut off. Rates are taken over judged trials only; costs
// over all of them.
func Judged(v Verdict, c Class) bool {
	switch v {
	case Unscored, Diverged:
		return false
	case Errored:
		return c != ClassAuthBilling && c != ClassCancelled
	}
	return true
}
