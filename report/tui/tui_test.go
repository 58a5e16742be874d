package tui_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/report"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile would act on a terminal or mislead a reader.
const hostile = "\x1b]0;x\x07\x1b[2J\u009b31m\u202egnp\u202c\u200b\b\b\b\r\n\x00\xffZ\u0335\u0335\u0335\u0335\u0335\u0335\u0335"

// source is a fixed run of three candidates on 40 tasks.
type source struct {
	state   eval.RunState
	hostile bool
	fail    error
}

func (s source) word(text string) string {
	if s.hostile {
		return text + hostile
	}
	return text
}

func (s source) run() *eval.Run {
	r := &eval.Run{ID: "r012345678", Name: s.word("support"), State: s.state, CreatedAt: time.Unix(1_800_000_000, 0).UTC(), UpdatedAt: time.Unix(1_800_000_600, 0).UTC(),
		Dataset: eval.Dataset{Name: "tasks", Path: "tasks.jsonl", Tasks: 40}, Repeats: 1, Seed: 1, Concurrency: 4}
	if s.state == "" {
		r.State = eval.RunComplete
	}
	for _, n := range []string{"alpha", "beta", "gamma"} {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: s.word(n), Provider: "p", Model: n})
	}
	return r
}

// Runs lists two runs.
func (s source) Runs(context.Context) ([]tui.RunLine, error) {
	return []tui.RunLine{
		{ID: "r012345678", Name: s.word("support"), State: eval.RunComplete, Updated: time.Unix(1_800_000_600, 0), Candidates: 3, Tasks: 40, Trials: 120, Planned: 120},
		{ID: "r876543210", Name: "older", State: eval.RunIncomplete, Updated: time.Unix(1_700_000_000, 0), Candidates: 1, Tasks: 4, Trials: 3, Planned: 4},
	}, s.fail
}

// Open builds the run's report.
func (s source) Open(context.Context, string) (*tui.Run, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	run := s.run()
	var cells []eval.Cell
	for c, accepted := range []int64{36, 34, 10} {
		for _, kind := range []string{report.Overall, s.word("extract"), "reply"} {
			n, k := int64(20), accepted/2
			if kind == report.Overall {
				n, k = 40, accepted
			}
			each := float64(c+1) * 0.001
			cell := eval.Cell{TaskType: kind, Candidate: c, N: n, Accepted: k, Judged: n, Rejected: n - k, Attempts: n, Clusters: n, CostClusters: n,
				SumT2: float64(k), SumTN: float64(k), SumN2: float64(n), SumC: float64(n) * each, SumC2: float64(n) * each * each, SumCT: float64(k) * each,
				Split: eval.CostSplit{Answer: eval.Exactly(eval.Money(n) * eval.Money(c+1) * eval.USD / 1000)}}
			for i := range n {
				cell.Latency.Add((i + 1) * 50_000)
			}
			cells = append(cells, cell)
		}
	}
	r, err := report.Build(run, cells)
	if err != nil {
		return nil, err
	}
	v := 0.93
	return &tui.Run{Report: r, Recommendation: &eval.Recommendation{Schema: eval.RecommendationSchema, Run: run.ID, Types: []eval.TypeDecision{
		{TaskType: s.word("extract"), Class: eval.LowRisk, Verdict: eval.Selected, Default: s.word("alpha"), Reasons: []string{s.word("alpha is the cheapest of those shown to be within 5 points of the best.")},
			Backup: &eval.Backup{Candidate: s.word("beta"), Rescue: &v, Reason: "beta got 93 % of what alpha failed."}, Retry: "twice on rate limits", Review: "5 % at random", Rollback: "when E ≥ 100"},
		{TaskType: "reply", Class: eval.HighRisk, Verdict: eval.InsufficientEvidence, Reasons: []string{"alpha and beta cannot be told apart."}, NoBackup: "no default, so no backup",
			More: &eval.MoreTasks{Tasks: 400, Hint: "about 400 more tasks would settle it"}},
	}}}, nil
}

func (s source) row(i int) tui.TaskLine {
	row := tui.TaskLine{Seq: i, ID: s.word(fmt.Sprintf("task-%02d", i)), Type: "extract", Verdicts: []eval.Verdict{eval.Accepted, eval.Accepted, eval.Rejected}}
	if i%2 == 1 {
		row.Type = "reply"
	}
	if i%5 == 0 {
		row.Verdicts[1] = eval.Errored
	}
	if i%4 == 0 {
		row.Verdicts[2] = eval.Accepted
	}
	return row
}

// Tasks pages through the 40 tasks.
func (s source) Tasks(_ context.Context, _ string, q tui.Query) (tui.Page, error) {
	var p tui.Page
	for i := q.From; i < 40; i++ {
		row := s.row(i)
		if q.Text != "" && !strings.Contains(row.ID, q.Text) && !strings.Contains(row.Type, q.Text) {
			continue
		}
		if q.Only == tui.OnlyErrors && row.Verdicts[1] != eval.Errored {
			continue
		}
		p.Rows = append(p.Rows, row)
	}
	return p, s.fail
}

// Task shows one task with a retry, a fallback and a regeneration.
func (s source) Task(_ context.Context, _, id string) (*tui.TaskDetail, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	yes, no := true, false
	ttft := 300 * time.Millisecond
	return &tui.TaskDetail{ID: id, Type: "extract", File: "tasks.jsonl", Line: 7, Input: eval.Untrusted(s.word("What is the total?\nOf the invoice.")), Expected: `"42"`,
		Candidates: []string{s.word("alpha"), "beta", "gamma"}, Trials: []*eval.Trial{
			{TaskID: id, Candidate: 0, Verdict: eval.Accepted, Final: 1, Cost: eval.CostSplit{Answer: eval.Exactly(0), Retries: eval.Exactly(eval.USD / 1000)}, Attempts: []eval.Attempt{
				{Cause: eval.CauseFirst, InFlight: 200 * time.Millisecond, Failure: &eval.Failure{Class: eval.ClassRateLimit, Message: "slow down"}},
				{Seq: 1, Cause: eval.CauseRetry, Backoff: time.Second, InFlight: 800 * time.Millisecond, TTFT: &ttft, Output: eval.Untrusted(s.word("42")),
					Grade: &eval.Grade{Verdict: eval.Accepted, Scores: []eval.Score{{Grader: "exact", Pass: &yes, Explanation: eval.Untrusted(s.word("as expected"))}}}}}},
			{TaskID: id, Candidate: 1, Verdict: eval.Rejected, Final: 0, Cost: eval.CostSplit{Answer: eval.UnknownCost()}, Attempts: []eval.Attempt{
				{Cause: eval.CauseFirst, InFlight: 900 * time.Millisecond, Output: "41", Grade: &eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "exact", Pass: &no, Explanation: `expected "42"`}}}}}},
		}}, nil
}

func browser(t testing.TB, s source, run string, width, height int) (*tuitest.Driver, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return tuitest.New(t, tui.New(context.Background(), tui.Options{Source: s, Tasks: s, Run: run, Output: &out}), width, height), &out
}

// screens are the ways to every screen.
var screens = map[string][]string{
	"runs": {"5"}, "board": {"1"}, "board-type": {"1", "l"}, "frontier": {"2"}, "tasks": {"3"}, "task": {"3", "enter"}, "decide": {"4"},
	"decide-undecided": {"4", "j"}, "help": {"1", "?"}, "palette": {"1", ":"},
}

// TestViews compares every screen at four sizes with its golden file.
func TestViews(t *testing.T) {
	t.Parallel()
	for name, keys := range screens {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}, {0, 0}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				d, _ := browser(t, source{}, "r012345678", size[0], size[1])
				view := d.Press(keys...).View()
				lines := strings.Split(view, "\n")
				if size[1] > 0 && len(lines) != size[1] {
					t.Errorf("%d lines, want %d", len(lines), size[1])
				}
				for _, l := range lines {
					if n := ansi.StringWidth(l); n > size[0] {
						t.Errorf("a line of %d columns: %q", n, l)
					}
				}
				golden(t, view)
			})
		}
	}
}

func golden(t *testing.T, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", strings.TrimPrefix(filepath.Base(t.Name()), "TestViews/")+".txt")
	got = trim(got) + "\n"
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; `go test ./report/tui -update` writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-golden +got):\n%s", diff)
	}
}

func trim(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestWalk(t *testing.T) {
	t.Parallel()
	d, out := browser(t, source{}, "", 100, 30)
	d.Expect("support", "older", "120/120").Press("enter").Expect("board", "alpha", "90.0%", "● default"[:3])
	d.Press("l").Expect("[extract]", "● default", "◆ backup").Press("s").Expect("sorted by cost/accepted")
	d.Press("enter").Expect("/extract", "task-00").ExpectNot("task-01").Press("esc", "3").Expect("task-01", "40 shown")
	d.Press("f", "f", "f").Expect("tasks (errors)", "8 shown").Press("/", "1", "0", "enter").Expect("task-10", "1 shown")
	d.Press("enter").Expect("What is the total?", "rate_limit", "as expected", "retries $0.00100").Press("down").Expect(`expected "42"`, "cost: answers –")
	d.Press("n").Expect("no further task").Press("esc", "esc").Expect("runs", "older")
	d.Press("enter", "4").Expect("cheapest of those", "beta got 93 %").Press("j").Expect("about 400 more tasks")
	d.Press("Y").Expect("copied `infer recommend r012345678`")
	if !strings.Contains(out.String(), "\x1b]52;") {
		t.Errorf("nothing was copied: %q", out.String())
	}
	d.Press("?").Expect("everywhere", "copy as JSON", "infer recommend r012345678").Press("x").ExpectNot("everywhere")
	d.Press(":", "frontier", "enter").Expect("what if 100000").Press("+").Expect("what if 200000")
}

// TestTogether: letters that come in one message, as over a slow line, are
// letters.
func TestTogether(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, source{}, "r012345678", 100, 30)
	d.Press("3ff").Expect("tasks (different)")
}

// TestMouse: the wheel scrolls and a click chooses.
func TestMouse(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, source{}, "r012345678", 100, 30)
	d.Press("3").Expect("task-04")
	d.Send(tea.MouseMsg{X: 5, Y: 8, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
	d.Expect("▸task-04")
	d.Send(tea.MouseMsg{Button: tea.MouseButtonWheelDown, Action: tea.MouseActionPress})
	d.Expect("▸task-07")
}

// TestHostile: whatever a name, a task or an answer holds, nothing of it reaches
// the terminal, on no screen and in no copy.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, keys := range screens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, out := browser(t, source{hostile: true}, "r012345678", 120, 40)
			d.Press(keys...).Press("y")
			for _, r := range d.View() {
				if r < 0x20 && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x200b || r == 0xfffd {
					t.Fatalf("the screen holds %U:\n%q", r, d.View())
				}
			}
			if strings.Count(out.String(), "\x1b") > 2 {
				t.Errorf("more than the clipboard's own sequence: %q", out.String())
			}
		})
	}
}

// TestStorm: any order of keys, sizes and messages leaves a browser that draws
// within its size.
func TestStorm(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	keys := []string{"1", "2", "3", "4", "5", "j", "k", "h", "l", "g", "G", "enter", "esc", "f", "s", "n", "p", "/", ":", "?", "r", "m", "y", "J", "Y", "+", "-", "up", "down", "pgdown", "a", "backspace"}
	d, _ := browser(t, source{hostile: true}, "", 80, 24)
	for i := range 3000 {
		if i%7 == 0 {
			d.Resize(rng.IntN(130), rng.IntN(45))
		}
		d.Press(keys[rng.IntN(len(keys))])
		_ = d.View()
	}
	d.Resize(100, 30)
	for _, l := range strings.Split(d.View(), "\n") {
		if ansi.StringWidth(l) > 100 {
			t.Errorf("a line is too wide: %q", l)
		}
	}
}

// TestErrors: what cannot be read is said, and the browser goes on.
func TestErrors(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, source{fail: errors.New("the store is damaged")}, "r012345678", 100, 30)
	d.Expect("error: the store is damaged").Press("5").Expect("the store is damaged").Press("3").Expect("open a run first")
}

// TestLive: a run that is still written is read again.
func TestLive(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := tui.New(context.Background(), tui.Options{Source: source{state: eval.RunRunning}, Tasks: source{}, Run: "r012345678", Output: &out})
	msg := m.Init()()
	if _, cmd := m.Update(msg); cmd == nil {
		t.Error("a running run is not looked at again")
	}
	done := tui.New(context.Background(), tui.Options{Source: source{}, Tasks: source{}, Run: "r012345678", Output: &out})
	if _, cmd := done.Update(done.Init()()); cmd != nil {
		t.Error("a complete run is looked at again")
	}
}
