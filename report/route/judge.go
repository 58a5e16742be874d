package route

import (
	"fmt"
	"slices"

	"infer/eval"
)

// difference is one way in which behaviour departs from the rule.
type difference struct {
	more  bool // calls that the rule does not make
	words string
	codes []Code // the losses that explain it
}

// judge compares what was seen with the rule and looks for each difference among
// the losses that the export named.
func (k *DrillCase) judge(x *Route, c Case, losses []Loss) {
	k.Verdict = AsRuled
	more, less := false, false
	for _, d := range k.differences(c) {
		if d.more {
			more = true
		} else {
			less = true
		}
		lost := explained(d.codes, x, losses)
		if len(lost) == 0 {
			k.Broken = true
		}
		k.Lost = append(k.Lost, lost...)
		k.Notes = append(k.Notes, d.words)
	}
	switch {
	case more && less:
		k.Verdict = Otherwise
	case more:
		k.Verdict = MorePermissive
	case less:
		k.Verdict = Stricter
	}
	slices.Sort(k.Lost)
	k.Lost = slices.Compact(k.Lost)
	k.unchanged()
}

// unchanged notes what the upstreams were asked with. A changed prompt breaks the
// rule whatever else happened.
func (k *DrillCase) unchanged() {
	if k.Observed.RewroteTools {
		k.Notes = append(k.Notes, "the tools were rewritten on their way, alike for every upstream")
	}
	for _, s := range []struct {
		same bool
		what string
	}{{k.Observed.SamePrompt, "system prompt"}, {k.Observed.SameTools, "tools"}, {k.Observed.SameParams, "parameters"}} {
		if !s.same {
			k.Notes = append(k.Notes, "an upstream was asked with another "+s.what)
			k.Broken = true
			if k.Verdict == AsRuled {
				k.Verdict = Otherwise
			}
		}
	}
}

// differences lists the departures of a case, each with the losses that would
// explain it.
func (k *DrillCase) differences(c Case) []difference {
	var out []difference
	want, have := k.Expected.Calls, k.Observed.Calls
	stream := func(codes ...Code) []Code {
		switch {
		case c.Begun:
			return append(codes, NoStreamFallback)
		case c.Stream:
			return append(codes, NoFirstTokenTimeout, NoAttemptTimeout)
		}
		return codes
	}
	count := func(name string, want, have int, extra, missing []Code) {
		switch {
		case have > want:
			out = append(out, difference{true, fmt.Sprintf("%s was called %d times, the rule says %d", name, have, want), extra})
		case have < want:
			out = append(out, difference{false, fmt.Sprintf("%s was called %d times, the rule says %d", name, have, want), missing})
		}
	}
	extraRetry := []Code{RetryOnAnyError, RetryPerProvider, ConditionsShared}
	if c.Class == eval.ClassTimeout {
		extraRetry = append(extraRetry, RetryCountShared)
	}
	if c.Name == "balance" {
		extraRetry = append(extraRetry, StatusesOnly)
	}
	extraBackup := []Code{FallbackOnAnyError, ConditionsShared}
	if c.Name == "balance" {
		extraBackup = append(extraBackup, StatusesOnly, FixedTriggers)
	}
	if c.Both {
		extraBackup = append(extraBackup, RetryCountShared, RetryPerProvider)
	}
	count("A", want.A, have.A, extraRetry, stream(NoTaskCarrier, NoRetries, RetryCapped, RetryPerProvider))
	count("B", want.B, have.B, extraBackup, stream(NoTaskCarrier, FixedTriggers, ClassNotExpressible, NoRetries, RetryCapped, RetryPerProvider))
	count("C", want.C, have.C, nil, []Code{NoContextBackup})
	count("another model", 0, have.Stray, nil, nil)
	if k.Expected.Outcome != k.Observed.Outcome {
		out = append(out, k.outcomes(c, out))
	}
	return out
}

// outcomes is the difference between two outcomes. One that follows from calls
// that were made, or were not, has their explanation.
func (k *DrillCase) outcomes(c Case, calls []difference) difference {
	want, have := k.Expected.Outcome, k.Observed.Outcome
	d := difference{words: fmt.Sprintf("the caller is left with %s, the rule says %s", have, want)}
	d.more = have == FromBackup || have == FromContext
	for _, b := range calls {
		if b.more == d.more || want == FromContext {
			d.codes = append(d.codes, b.codes...)
		}
	}
	if !d.more {
		d.codes = append(d.codes, NoTaskCarrier) // no request of the type is answered
	}
	switch {
	case want == Asked && have == FailedOpenly:
		d.codes = append(d.codes, NoConfirmationGate)
	case have == Broken && c.Begun:
		d.codes = append(d.codes, NoStreamFallback)
	}
	return d
}

// explained are the codes that the losses of the task type hold.
func explained(codes []Code, x *Route, losses []Loss) []Code {
	var out []Code
	for _, l := range losses {
		if (l.TaskType == "" || l.TaskType == x.TaskType) && slices.Contains(codes, l.Code) {
			out = append(out, l.Code)
		}
	}
	return out
}
