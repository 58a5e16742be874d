package eval

// Conclude derives the trial's verdict from the grades of the answers that it
// got itself: the first accepted one counts, else the last. A trial without a
// graded answer keeps its verdict, and so do one that was cut off and one that
// left its recording; one whose backup waits for a confirmation does unless an
// answer is accepted. What was said of a repair is not changed.
func (t *Trial) Conclude() {
	if t.CutOff || t.Verdict == Diverged {
		return
	}
	answers := 0
	for i := min(t.Earlier, len(t.Attempts)); i < len(t.Attempts); i++ {
		g := t.Attempts[i].Grade
		if g == nil {
			continue
		}
		if answers == 0 {
			t.FirstTry = accepted(g.Verdict)
		}
		answers++
		t.Final, t.Verdict, t.AfterRegen = i, g.Verdict, accepted(g.Verdict)
		if g.Verdict == Accepted {
			break
		}
	}
	if answers > 0 && t.Plan != "" && t.Verdict != Accepted {
		t.Verdict = NeedsConfirmation
	}
}

// accepted is whether an answer was accepted; nil = it was not judged.
func accepted(v Verdict) *bool {
	if v == Unscored {
		return nil
	}
	ok := v == Accepted
	return &ok
}

// Mend writes down what a repair rule says of the trial's verdict: an accepted
// answer needs no repair; a rejected one that a person would repair becomes an
// accepted one that cost a person's time, and one that nobody would is
// abandoned. fix is what the rule said of a rejected answer; nil = it could not
// say, or there is none. No person was asked, so the origin is imputed; what a
// person really did stands: an answer that somebody repaired is accepted.
func (t *Trial) Mend(rule *RepairRule, fix *bool) {
	if t.HumanFixFrom == Observed {
		if t.Verdict == Rejected && t.HumanFix != nil && *t.HumanFix {
			t.Verdict = Accepted
		}
		return
	}
	t.HumanFix, t.HumanFixFrom, t.HumanFixTime, t.Cost.Repair = nil, UnknownOrigin, 0, Exactly(0)
	no := false
	switch {
	case t.Verdict == Accepted:
		t.HumanFix, t.HumanFixFrom = &no, Imputed
	case t.Verdict != Rejected || rule == nil || fix == nil:
	case *fix:
		yes := true
		t.HumanFix, t.HumanFixFrom, t.HumanFixTime = &yes, Imputed, rule.Time()
		t.Cost.Repair = Exactly(rule.Cost())
		t.Verdict = Accepted
	default:
		t.HumanFix, t.HumanFixFrom = &no, Imputed
	}
}
