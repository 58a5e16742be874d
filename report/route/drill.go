package route

import (
	"slices"
	"time"

	"infer/eval"
)

// DrillSchema names the version of the JSON form of Drill.
const DrillSchema = "infer.drill/1"

// The upstreams of a drill. A stands in for the default, B for the backup, C for
// the context backup; whatever else a file names goes to Stray, which is never
// called by a file that does what it should.
const (
	UpstreamA     = "A"
	UpstreamB     = "B"
	UpstreamC     = "C"
	UpstreamStray = "stray"
)

// Case is one class of failure as a drill makes it.
type Case struct {
	Name  string `json:"name"`
	Words string `json:"words"`
	// Fault is what upstream A does, by the simulated upstream's name for it; with
	// Both, B does the same.
	Fault  string `json:"fault"`
	Both   bool   `json:"both,omitempty"`
	Stream bool   `json:"stream,omitempty"`

	// What the failure table says of it. Class "" is no failure.
	Class   eval.Class `json:"class,omitempty"`
	Context bool       `json:"context,omitempty"` // an overflow of the context window
	Begun   bool       `json:"begun,omitempty"`   // part of the answer had come
	noRetry bool       // the table does not allow the same model again although it does for the class
}

// Cases lists what a drill tries, in order.
func Cases() []Case {
	return []Case{
		{Name: "healthy", Words: "the default answers", Fault: ""},
		{Name: "healthy_stream", Words: "the default answers as a stream", Fault: "", Stream: true},
		{Name: "rate_limit", Words: "429 without Retry-After", Fault: "429", Class: eval.ClassRateLimit},
		{Name: "rate_limit_wait", Words: "429 with Retry-After: 1", Fault: "429_after", Class: eval.ClassRateLimit},
		{Name: "balance", Words: "429, the balance is exhausted", Fault: "429_balance", Class: eval.ClassAuthBilling},
		{Name: "server_500", Words: "500", Fault: "500", Class: eval.ClassUnavailable},
		{Name: "server_503", Words: "503", Fault: "503", Class: eval.ClassUnavailable},
		{Name: "server_529", Words: "529 overloaded", Fault: "529", Class: eval.ClassUnavailable},
		{Name: "timeout", Words: "no answer in time", Fault: "hang", Class: eval.ClassTimeout},
		{Name: "timeout_first_token", Words: "a stream without a first token in time", Fault: "hang", Stream: true, Class: eval.ClassTimeout},
		{Name: "timeout_mid_stream", Words: "a stream that stalls after its first tokens", Fault: "stall", Stream: true, Class: eval.ClassTimeout, Begun: true, noRetry: true},
		{Name: "reset", Words: "connection reset before any byte", Fault: "reset", Class: eval.ClassNetwork},
		{Name: "cut_stream", Words: "a stream that is cut after its first tokens", Fault: "cut", Stream: true, Class: eval.ClassNetwork, Begun: true},
		{Name: "parameter", Words: "400, a parameter is not supported", Fault: "400", Class: eval.ClassParameter},
		{Name: "context_overflow", Words: "400, the context window overflows", Fault: "400_context", Class: eval.ClassUserInput, Context: true},
		{Name: "content_filter", Words: "400, the prompt was blocked", Fault: "400_filter", Class: eval.ClassRefusal},
		{Name: "refusal", Words: "200, the model refuses", Fault: "refusal", Class: eval.ClassRefusal},
		{Name: "both_down", Words: "503 from both", Fault: "503", Both: true, Class: eval.ClassUnavailable},
	}
}

// Outcome is what a caller is left with.
type Outcome string

// The outcomes.
const (
	FromDefault  Outcome = "default"
	FromBackup   Outcome = "backup"
	FromContext  Outcome = "context_backup"
	Refused      Outcome = "refused" // a whole answer that is a refusal
	FailedOpenly Outcome = "error"   // an error that the caller can see
	Broken       Outcome = "broken"  // half an answer, or one that mixes two models
	Asked        Outcome = "needs_confirmation"
)

// Calls counts what the upstreams received.
type Calls struct {
	A     int `json:"a"`
	B     int `json:"b"`
	C     int `json:"c,omitempty"`
	Stray int `json:"stray,omitempty"`
}

// Expected is what the rule says of a case.
type Expected struct {
	Calls   Calls   `json:"calls"`
	Outcome Outcome `json:"outcome"`
}

// Expect derives from the rule what a case comes to. It is written from the
// failure table and the route alone and shares no code with the engine that
// carries policies out, which a drill holds against it.
func Expect(x *Route, c Case) Expected {
	e := Expected{Calls: Calls{A: 1}, Outcome: FromDefault}
	if c.Class == "" {
		return e
	}
	if c.Fault == "refusal" {
		e.Outcome = Refused
		return e
	}
	e.Outcome = FailedOpenly
	if c.Context {
		if x.ContextBackup != "" && !x.Confirm {
			e.Calls.C, e.Outcome = 1, FromContext
		}
		return e
	}
	if !c.noRetry {
		e.Calls.A += x.Retry.retriesOf(c.Class, x.Retry.Max)
	}
	rule, known := ruleOf(c.Class)
	switch {
	case !known || !rule.fallback:
	case x.Confirm && x.ConfirmBackup != "":
		e.Outcome = Asked
	case x.Backup != "" && slices.Contains(x.On, c.Class):
		e.Calls.B, e.Outcome = 1, FromBackup
		if c.Both {
			e.Calls.B += x.Retry.retriesOf(c.Class, x.Retry.BackupMax)
			e.Outcome = FailedOpenly
		}
	}
	return e
}

// Observed is what came of a case.
type Observed struct {
	Calls   Calls         `json:"calls"`
	Outcome Outcome       `json:"outcome"`
	Status  int           `json:"status,omitempty"` // HTTP status that the caller got; 0 = none, or infer's own engine
	Took    time.Duration `json:"-"`
	Seconds float64       `json:"seconds"`
	// Waits are the times between the calls that A received, in seconds.
	Waits []float64 `json:"waits_seconds,omitempty"`
	// SamePrompt says whether every upstream was asked with the caller's system
	// prompt; SameTools and SameParams whether all of them were asked alike.
	SamePrompt bool `json:"same_system_prompt"`
	SameTools  bool `json:"same_tools"`
	SameParams bool `json:"same_params"`
	// RewroteTools: the tools were not, byte for byte of their canonical form, what
	// the caller sent, though alike everywhere.
	RewroteTools bool `json:"rewrote_tools,omitempty"`
	// Reason is how an answer of another model than the default says why; "" = it
	// does not, or the default answered.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"` // the error that the caller saw
}

// Judgement says how behaviour compares with the rule.
type Judgement string

// The judgements.
const (
	AsRuled        Judgement = "as_ruled"
	MorePermissive Judgement = "more_permissive" // calls that the rule does not make
	Stricter       Judgement = "stricter"        // calls or answers that the rule makes are missing
	Otherwise      Judgement = "different"       // both, or another outcome by the same calls
)

// DrillCase is one case on one task type.
type DrillCase struct {
	TaskType string    `json:"task_type"`
	Case     string    `json:"case"`
	Words    string    `json:"words"`
	Expected Expected  `json:"expected"`
	Observed Observed  `json:"observed"`
	Verdict  Judgement `json:"verdict"`
	// Lost are the losses that explain the difference; where there are none, the
	// rule is broken.
	Lost   []Code   `json:"lost,omitempty"`
	Broken bool     `json:"broken"`
	Notes  []string `json:"notes,omitempty"`
}

// Drill is what one engine or gateway does with a file.
type Drill struct {
	Engine  string      `json:"engine"`            // infer, or the gateway's name
	Version string      `json:"version,omitempty"` // of the gateway; "" = it does not say
	Changes []string    `json:"changes"`           // what the drill changed in the file to be able to run
	Losses  []Loss      `json:"losses"`
	Cases   []DrillCase `json:"cases"`
	Broken  int         `json:"broken"` // cases in which a rule that the target can express is broken
	Lossy   int         `json:"lossy"`  // cases that differ by a stated loss
	Ruled   int         `json:"as_ruled"`
}

// DrillReport is everything that infer drill says of a file.
type DrillReport struct {
	Schema string   `json:"schema"`
	File   string   `json:"file"`
	Format string   `json:"format"`
	Edited []string `json:"edited"` // task types whose rule in the file is not the one that was exported
	Drills []Drill  `json:"drills"`
}

// Broken counts the cases of all drills in which a rule is broken that the target
// can express.
func (r *DrillReport) Broken() int {
	n := 0
	for i := range r.Drills {
		n += r.Drills[i].Broken
	}
	return n
}

// Add judges one case and adds it.
func (d *Drill) Add(x *Route, c Case, seen Observed) *DrillCase {
	seen.Seconds = float64(seen.Took.Round(10*time.Millisecond)) / float64(time.Second)
	k := DrillCase{TaskType: x.TaskType, Case: c.Name, Words: c.Words, Expected: Expect(x, c), Observed: seen}
	k.judge(x, c, d.Losses)
	switch {
	case k.Broken:
		d.Broken++
	case k.Verdict == AsRuled:
		d.Ruled++
	default:
		d.Lossy++
	}
	d.Cases = append(d.Cases, k)
	return &d.Cases[len(d.Cases)-1]
}
