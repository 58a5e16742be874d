package tui

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"infer/eval"
)

// attemptPages are the attempts of a trial with everything that is stored of them.
func attemptPages(t *eval.Trial) []part {
	parts := make([]part, 0, 2*len(t.Attempts))
	for i := range t.Attempts {
		a := &t.Attempts[i]
		head := fmt.Sprintf("attempt %d · %s · %s", a.Seq+1, a.Cause, name(a.Candidate, 40))
		if i < t.Earlier {
			head += " · of an earlier trial"
		}
		parts = append(parts, part{head, attemptText(a)})
		if words := answerText(a).Raw(); words != "" {
			parts = append(parts, part{fmt.Sprintf("answer %d", a.Seq+1), words})
		}
		if a.Grade != nil {
			parts = append(parts, part{fmt.Sprintf("grade %d · %s", a.Seq+1, a.Grade.Verdict), gradeText(a.Grade)})
		}
	}
	return parts
}

// attemptText is one attempt, a field a line.
func attemptText(a *eval.Attempt) string {
	var b strings.Builder
	field := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-16s %s\n", label, value)
		}
	}
	field("asked", title(name(a.Provider, 60), name(a.Model, 80)))
	if a.Served != "" && a.Served != a.Model {
		field("served", name(a.Served, 80))
	}
	if !a.StartedAt.IsZero() {
		field("started", a.StartedAt.UTC().Format(time.RFC3339Nano))
	}
	if !a.Recorded { // our wait has no place beside a recording's times
		field("queue (ours)", took(a.QueueWait))
	}
	if a.Backoff > 0 {
		field("waited before", took(a.Backoff))
	}
	if a.TTFT != nil {
		field("first token", took(*a.TTFT))
	}
	inFlight := took(a.InFlight)
	switch {
	case a.Recorded:
		inFlight += " (recorded earlier)"
	case a.Batch != "":
		inFlight = "not measured: made in batch " + name(a.Batch, 60)
	}
	field("in flight", inFlight)
	if a.Backend != nil {
		field("backend says", took(*a.Backend))
	}
	if f := a.Failure; f != nil {
		field("failed", title(string(f.Class), f.Sub, string(f.Phase), "by "+f.Class.Fault()))
		field("its type, code", title(f.Type, f.Code))
		field("its message", f.Message.Line(2000))
		if f.RetryAfter != nil {
			field("asked to wait", took(*f.RetryAfter))
		}
	}
	if a.Status > 0 {
		field("status", fmt.Sprint(a.Status))
	}
	if a.Finish != "" {
		field("finish", title(string(a.Finish), name(a.FinishRaw, 60)))
	}
	field("request id", name(a.RequestID, 120))
	field("cost", cost(a.Cost)+" · "+string(a.Billing))
	field("usage", usageText(a.Usage))
	field("reason", name(a.Reason, 400))
	keys := make([]string, 0, len(a.RateLimits))
	for k := range a.RateLimits {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		field("header", name(k, 60)+": "+name(a.RateLimits[k], 120))
	}
	field("hashes", fmt.Sprintf("system %s · tools %s · params %s", a.SystemHash.Short(), a.ToolsHash.Short(), a.ParamsHash.Short()))
	return strings.TrimRight(b.String(), "\n")
}

func usageText(u *eval.Usage) string {
	if u == nil {
		return "not said"
	}
	var parts []string
	for _, p := range []struct {
		what string
		n    int64
	}{{"in", u.InFresh}, {"cache read", u.InCacheRead}, {"cache write", u.InCacheWrite5m + u.InCacheWrite1h}, {"in audio", u.InAudio}, {"in image", u.InImage},
		{"out", u.OutText}, {"reasoning", u.OutReasoning}, {"out audio", u.OutAudio}, {"out image", u.OutImage}} {
		if p.n > 0 || p.what == "in" || p.what == "out" {
			parts = append(parts, p.what+" "+count(p.n))
		}
	}
	return strings.Join(parts, " · ") + " tokens"
}

func gradeText(g *eval.Grade) string {
	var b strings.Builder
	for _, sc := range g.Scores {
		sign := "?"
		if sc.Pass != nil {
			sign = verdictSign(map[bool]eval.Verdict{true: eval.Accepted, false: eval.Rejected}[*sc.Pass]).text
		}
		fmt.Fprintf(&b, "%s %s", sign, name(sc.Grader, 40))
		if sc.Value != nil {
			fmt.Fprintf(&b, " %.3f", *sc.Value)
		}
		if sc.Explanation != "" {
			fmt.Fprintf(&b, "  %s", sc.Explanation.Raw())
		}
		if sc.Error != "" {
			fmt.Fprintf(&b, "  could not judge: %s", sc.Error.Raw())
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}
