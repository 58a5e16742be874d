package route_test

import (
	"slices"
	"testing"
	"time"

	"infer/eval"
	"infer/report/route"
)

func caseOf(t *testing.T, name string) route.Case {
	t.Helper()
	for _, c := range route.Cases() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no case %s", name)
	return route.Case{}
}

// same is an observation whose request was left alone.
func same(a, b, c int, o route.Outcome) route.Observed {
	return route.Observed{Calls: route.Calls{A: a, B: b, C: c}, Outcome: o, SamePrompt: true, SameTools: true, SameParams: true, Took: time.Second}
}

// TestExpect writes the rule out for every case on the shop's routes: two retries,
// one of the backup, a person's word for permission, a larger model for summarize.
func TestExpect(t *testing.T) {
	t.Parallel()
	r := shop()
	want := map[string][3]string{ // case → permission, summarize, triage
		"healthy":             {"1 0 0 default", "1 0 0 default", "1 0 0 default"},
		"healthy_stream":      {"1 0 0 default", "1 0 0 default", "1 0 0 default"},
		"rate_limit":          {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"rate_limit_wait":     {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"balance":             {"1 0 0 error", "1 0 0 error", "1 0 0 error"},
		"server_500":          {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"server_503":          {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"server_529":          {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"timeout":             {"2 0 0 needs_confirmation", "2 1 0 backup", "2 1 0 backup"},
		"timeout_first_token": {"2 0 0 needs_confirmation", "2 1 0 backup", "2 1 0 backup"},
		"timeout_mid_stream":  {"1 0 0 needs_confirmation", "1 1 0 backup", "1 1 0 backup"},
		"reset":               {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"cut_stream":          {"3 0 0 needs_confirmation", "3 1 0 backup", "3 1 0 backup"},
		"parameter":           {"1 0 0 error", "1 0 0 error", "1 0 0 error"},
		"context_overflow":    {"1 0 0 error", "1 0 1 context_backup", "1 0 0 error"},
		"content_filter":      {"1 0 0 error", "1 0 0 error", "1 0 0 error"},
		"refusal":             {"1 0 0 refused", "1 0 0 refused", "1 0 0 refused"},
		"both_down":           {"3 0 0 needs_confirmation", "3 2 0 error", "3 2 0 error"},
	}
	for _, c := range route.Cases() {
		for i := range r.Routes {
			e := route.Expect(&r.Routes[i], c)
			got := string(rune('0'+e.Calls.A)) + " " + string(rune('0'+e.Calls.B)) + " " + string(rune('0'+e.Calls.C)) + " " + string(e.Outcome)
			if got != want[c.Name][i] {
				t.Errorf("%s on %s: %s, want %s", c.Name, r.Routes[i].TaskType, got, want[c.Name][i])
			}
		}
	}
	if len(want) != len(route.Cases()) {
		t.Errorf("%d cases, %d written out", len(route.Cases()), len(want))
	}
}

// TestJudge holds what was seen against the rule of triage, with and without the
// losses that would explain it.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, on, of string
		seen         route.Observed
		losses       []route.Code
		verdict      route.Judgement
		broken       bool
		lost         []route.Code
	}{
		{"as ruled", "triage", "server_500", same(3, 1, 0, route.FromBackup), nil, route.AsRuled, false, nil},
		{"a backup on a bad parameter", "triage", "parameter", same(1, 1, 0, route.FromBackup), []route.Code{route.FallbackOnAnyError}, route.MorePermissive, false, []route.Code{route.FallbackOnAnyError}},
		{"the same without a stated loss", "triage", "parameter", same(1, 1, 0, route.FromBackup), nil, route.MorePermissive, true, nil},
		{"a loss that explains something else", "triage", "parameter", same(1, 1, 0, route.FromBackup), []route.Code{route.RetryOnAnyError}, route.MorePermissive, true, nil},
		{"a balance taken for a rate limit", "triage", "balance", same(3, 1, 0, route.FromBackup), []route.Code{route.StatusesOnly}, route.MorePermissive, false, []route.Code{route.StatusesOnly}},
		{"no fallback", "triage", "server_500", same(3, 0, 0, route.FailedOpenly), []route.Code{route.FallbackOnAnyError}, route.Stricter, true, nil},
		{"no fallback inside a stream", "triage", "cut_stream", same(1, 0, 0, route.FailedOpenly), []route.Code{route.NoStreamFallback}, route.Stricter, false, []route.Code{route.NoStreamFallback}},
		{"a stream that only the first token limits", "triage", "timeout_first_token", same(2, 0, 0, route.FailedOpenly), []route.Code{route.NoStreamFallback}, route.Stricter, true, nil},
		{"half an answer", "triage", "cut_stream", same(1, 0, 0, route.Broken), []route.Code{route.NoStreamFallback}, route.Stricter, false, []route.Code{route.NoStreamFallback}},
		{"an answer lost although the backup gave one", "triage", "timeout", same(3, 1, 0, route.FailedOpenly), []route.Code{route.RetryCountShared}, route.Otherwise, true, []route.Code{route.RetryCountShared}},
		{"nobody was asked", "permission", "server_500", same(3, 0, 0, route.FailedOpenly), []route.Code{route.NoConfirmationGate}, route.Stricter, false, []route.Code{route.NoConfirmationGate}},
		{"the backup was used unasked", "permission", "server_500", same(3, 1, 0, route.FromBackup), []route.Code{route.NoConfirmationGate}, route.MorePermissive, true, nil},
		{"a loop", "triage", "both_down", same(6, 4, 0, route.FailedOpenly), nil, route.MorePermissive, true, nil},
		{"no model for long inputs", "summarize", "context_overflow", same(1, 0, 0, route.FailedOpenly), []route.Code{route.NoContextBackup}, route.Stricter, false, []route.Code{route.NoContextBackup}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := route.Drill{}
			for _, c := range tc.losses {
				d.Losses = append(d.Losses, route.Loss{Code: c, TaskType: tc.on})
			}
			k := d.Add(shop().Route(tc.on), caseOf(t, tc.of), tc.seen)
			if k.Verdict != tc.verdict || k.Broken != tc.broken || !slices.Equal(k.Lost, tc.lost) {
				t.Errorf("%s, broken %v, lost %v; want %s, %v, %v: %v", k.Verdict, k.Broken, k.Lost, tc.verdict, tc.broken, tc.lost, k.Notes)
			}
			if d.Ruled+d.Lossy+d.Broken != 1 {
				t.Errorf("counted %d, %d, %d", d.Ruled, d.Lossy, d.Broken)
			}
		})
	}
}

// TestJudgePrompt never excuses a changed prompt or a model that the rule does not
// know.
func TestJudgePrompt(t *testing.T) {
	t.Parallel()
	all := slices.Clone(route.Codes())
	changed := same(3, 1, 0, route.FromBackup)
	changed.SamePrompt = false
	stray := same(1, 0, 0, route.FromDefault)
	stray.Calls.Stray = 1
	for name, o := range map[string]route.Observed{"server_500": changed, "healthy": stray} {
		d := route.Drill{Losses: all}
		if k := d.Add(shop().Route("triage"), caseOf(t, name), o); !k.Broken {
			t.Errorf("%s: %s is excused by %v", name, k.Verdict, k.Lost)
		}
	}
}

// TestDrillRows groups task types that came out alike and names them.
func TestDrillRows(t *testing.T) {
	t.Parallel()
	r := shop()
	var d route.Drill
	for i := range r.Routes {
		x := &r.Routes[i]
		d.Add(x, caseOf(t, "healthy"), same(1, 0, 0, route.FromDefault))
		e := route.Expect(x, caseOf(t, "rate_limit"))
		d.Add(x, caseOf(t, "rate_limit"), same(e.Calls.A, e.Calls.B, e.Calls.C, e.Outcome))
	}
	report := &route.DrillReport{Schema: route.DrillSchema, File: "a|b.yaml", Format: "infer", Edited: []string{}, Drills: []route.Drill{d}}
	var b writer
	if err := report.Markdown(&b, func(s string) string { return "<" + s + ">" }); err != nil {
		t.Fatal(err)
	}
	golden(t, "drill.md", b.bytes)
	if eval.Untrusted(b.bytes).Block(0) != string(b.bytes) {
		t.Error("not safe to show")
	}
}

type writer struct{ bytes []byte }

func (w *writer) Write(p []byte) (int, error) {
	w.bytes = append(w.bytes, p...)
	return len(p), nil
}
