package tui_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

// TestWalk goes through the browser as a user would.
func TestWalk(t *testing.T) {
	t.Parallel()
	d, out := browser(t, &source{}, "", 100, 30)
	d.ExpectLine("r012345678", "support", "● complete", "120").ExpectLine("r876543210", "older", "3 of 4").Press("enter").ExpectLine("▸alpha", "90.0%", "● default ×1")
	d.Press("l").ExpectLine("[extract]").ExpectLine("alpha", "1=", "● default").ExpectLine("beta", "1=", "◆ backup").ExpectLine("gamma", "2", "✗ gate acceptance")
	d.Press("s").Expect("sorted by rate", "rate↓").Press("s").Expect("sorted by cost", "$/accepted↑").Press("S").Expect("$/accepted↓")
	d.Press("enter").ExpectLine("20 tasks", "type extract").ExpectLine("task-00").ExpectNot("task-01").Press("esc").Press("f").ExpectLine("only failures", "of")
	d.Press("3").ExpectLine("40 tasks").Press("f", "f", "f").ExpectLine("8 tasks", "only errors").Press("/").Type("10").Press("enter").ExpectLine("1 task", "/10").ExpectLine("▸task-10")
	d.Press("enter").Expect("What is the total?", "in production: old-model, not accepted").ExpectLine("▸alpha", "2.00s", "2 calls").ExpectLine("rate_limit", "429", "slow down").ExpectLine("exact", "as expected")
	d.ExpectLine("cost", "$0.00100 = retries $0.00100").Press("down").ExpectLine("▸beta", "↻").ExpectLine("exact", `expected "42", got 40`).ExpectLine("judge", "could not judge: no verdict")
	d.ExpectLine("cost", "–", "judging, apart, $0.00200").Press("enter").Expect("attempt 1 · first · beta", "attempt 2 · regenerate · beta").Press("esc")
	d.Press("d").Expect("expected", "against", "beta").Press("esc", "D").ExpectLine("beta", "against", "gamma", "1 of 2").Press("D").ExpectLine("against", "alpha", "2 of 2").Press("esc")
	d.Press("n").Expect("no further task").Press("esc", "esc").ExpectLine("runs").ExpectLine("older")
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("something was written beside the screen: %q", out.String())
	}
}

// TestDecide changes the policy, sees the decision move, overrules it and exports.
func TestDecide(t *testing.T) {
	t.Parallel()
	s := &source{}
	d, _ := browser(t, s, "r012345678", 100, 34)
	d.Press("4").ExpectLine("▸extract", "alpha", "beta", "● selected").Expect("cheapest of those", "beta got 93 %").ExpectLine("what if", "[-] margin 5.0 pt [+]")
	d.Press("-", "-").ExpectLine("margin 4.0 pt*").ExpectNot("moved").Press("-").ExpectLine("▸extract", "≈ tie", "moved: alpha → beta")
	d.Press("x").Expect("u undoes the what-ifs").Press("2").ExpectLine("[all types]").Press("l").ExpectLine("decided", "≈ tie", "moved: alpha → beta")
	d.Press("w").ExpectLine("[-] p95 limit none [+]").Press("+").ExpectLine("p95 limit 100ms*").Press("w", "+").ExpectLine("tasks/month 2,000*").Expect("2,000 tasks a month: about $2.00")
	d.Press("u").Expect("the run's own policy again").ExpectLine("margin 5.0 pt").ExpectLine("decided", "● selected", "alpha")
	d.Press("4", "o").Expect("which default instead?").Press("j", "enter", "enter").Expect("needs its reason").Type("legal says so").Press("enter")
	d.Expect("stored beside the run, with its reason").ExpectLine("▸extract", "overruled: beta").ExpectLine("overruled", "beta, by a person", "legal says so")
	if len(s.stored) != 1 || s.stored[0].TaskType != "extract" || s.stored[0].Default != "beta" || s.stored[0].Reason != "legal says so" {
		t.Errorf("stored %+v", s.stored)
	}
	d.Press("x").ExpectLine("[infer]").Expect("carries out everything", "extract: alpha").Press("tab").ExpectLine("[litellm]").ExpectLine("loses", "the backup's prompt is not sent")
	d.Press("w").Expect("write to routes.yaml").Press("ctrl+u").Type("out.yaml").Press("enter").Expect("wrote out.yaml").Press("w", "ctrl+u").Type("out.yaml").Press("enter").Expect("is there already")
	if s.wrote["out.yaml"] == "" {
		t.Errorf("wrote %v", s.wrote)
	}
}

// TestCompare sets two runs side by side.
func TestCompare(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "", 100, 30)
	d.Press("c").Expect("mark two runs first").Press("space", "j", "c").ExpectLine("A r012345678").ExpectLine("B r876543210").ExpectLine("alpha", "A", "90.0%").ExpectLine("B", "80.0%", "-10.0 pt")
	d.Press("S").ExpectLine("A r876543210").ExpectLine("B", "90.0%", "+10.0 pt").ExpectLine("$ infer compare r876543210:alpha r012345678:alpha").Press("esc").ExpectLine("older")
}

// TestBoardMarks opens the tasks on which two candidates differ.
func TestBoardMarks(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "r012345678", 100, 30)
	d.Press("c").Expect("mark two candidates first").Press("space", "j", "j", "c").ExpectLine("only different", "of alpha and gamma")
}

// TestCopies: every screen gives its text, its JSON and the command that is its
// equivalent.
func TestCopies(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ keys, text, command string }{
		"board":  {"1", "alpha on all types: 90.0% accepted (95 % interval 76.9–96.0, n 40)", "infer report r012345678 --store 'my store.db'"},
		"tasks":  {"3", "task-00", "infer report r012345678 --format jsonl --store 'my store.db'"},
		"decide": {"4", "extract: selected, default alpha, backup beta", "infer recommend r012345678 --store 'my store.db'"},
		"runs":   {"0", "r012345678 support: complete, 120 of 120 trials", "infer runs list --store 'my store.db'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := &source{}
			d := tuitest.New(t, tui.New(context.Background(), tui.Options{Source: s, Tasks: s, Decisions: s, Exports: s, Reviews: s, Run: "r012345678", Store: "my store.db", Output: &out, Plain: true}), 100, 30)
			d.Press(want.keys, "y").Expect("copied the text").Press("J").Expect("copied JSON").Press("Y").Expect("copied `infer")
			got := tuitest.Copied(out.String())
			if len(got) != 3 || !strings.Contains(got[0], want.text) || !strings.HasPrefix(got[1], "{") || got[2] != want.command {
				t.Errorf("copied %q", got)
			}
		})
	}
}

// TestPalette finds commands by some of their letters.
func TestPalette(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "r012345678", 100, 30)
	d.Press(":").Expect("enter does it").Type("frnt").Press("enter").ExpectLine("[2 frontier]").Press("ctrl+p").Type("tasks of rep").Press("enter").ExpectLine("20 tasks", "type reply")
	d.Press(":").Type("failures of gam").Press("enter").ExpectLine("only failures", "of gamma").Press(":").Type("zzz").Expect("nothing is called so").Press("enter").ExpectLine("only failures")
	d.Press(":").Type("theme").Press("enter").Expect("theme: ").Press("?").Expect("on this screen", "everywhere", "copy as JSON").Press("pgdown").Expect("signs").Press("x").ExpectNot("everywhere")
}

// TestTogether: letters that come in one message, as over a slow line, are letters;
// a paste into the filter is one text.
func TestTogether(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "r012345678", 100, 30)
	d.Press("3ff").ExpectLine("only different").Press("f", "f", "/").Send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("1\x1b[2J7"), Paste: true}).Expect("/1[2J7").Press("esc").ExpectLine("40 tasks")
	d.Press("/").Type("q j").Expect("/q j").Press("ctrl+w").Expect("/q ").Press("ctrl+u", "backspace", "enter").ExpectLine("40 tasks")
	if d.Press("q"); !d.Quit() {
		t.Error("q did not quit")
	}
}

// TestMouse: the wheel scrolls, a click chooses, a second one opens, one on a head
// sorts, one on a tab goes there.
func TestMouse(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "r012345678", 110, 30)
	line := func(texts ...string) (x, y int) {
		t.Helper()
		l, y := d.ExpectLine(texts...).Line(texts...)
		return len([]rune(l[:strings.Index(l, texts[len(texts)-1])])), y
	}
	x, y := line("3 tasks")
	d.Click(x, y).ExpectLine("▸task-00").Wheel(true).ExpectLine("▸task-03").Wheel(false).ExpectLine("▸task-00")
	x, y = line("task-04")
	d.Click(x, y).ExpectLine("▸task-04").Click(x, y).ExpectLine("tasks › task-04").Press("esc")
	x, y = line("slowest")
	d.Click(x, y).Expect("sorted by latency", "slowest↓").Click(x, y).Expect("slowest↑")
	x, y = line("1 board")
	d.Click(x, y).ExpectLine("[1 board]")
	x, y = line("reply")
	d.Click(x, y).ExpectLine("[reply]")
	d.Press("m").Expect("mouse off").Press("m").Expect("mouse on")
}

// TestErrors: what cannot be read is said with what to do, and the browser goes on.
func TestErrors(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{fail: eval.Invalid(errors.New("the store is damaged"), "check it")}, "r012345678", 100, 30)
	d.Expect("error: the store is damaged — check it").Press("0").Expect("the store is damaged").Press("3").Expect("open a run first")
}

// TestPatience: a source that has not looked at everything is asked again until it
// has, and says so meanwhile.
func TestPatience(t *testing.T) {
	t.Parallel()
	s := &source{slow: 5}
	d, _ := browser(t, s, "r012345678", 100, 30)
	d.Press("3").ExpectLine("40 tasks").ExpectLine("▸task-00")
	if s.slow != 0 {
		t.Errorf("it was asked %d times too few", s.slow)
	}
}

// TestPlace: the cursor stays where it was when a screen becomes smaller, and the
// rows at the end of a long list come when they are looked at.
func TestPlace(t *testing.T) {
	t.Parallel()
	d, _ := browser(t, &source{}, "r012345678", 100, 30)
	d.Press("3", "G").ExpectLine("▸task-39").Resize(100, 12).ExpectLine("▸task-39").Resize(100, 30).ExpectLine("▸task-39").Press("g").ExpectLine("▸task-00").Press("pgdown").ExpectNot("▸task-00")
}

// TestLive: a run that is still written is looked at again, and the screen follows.
func TestLive(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	open := func(s *source) (tea.Model, tea.Cmd) {
		m := tui.New(context.Background(), tui.Options{Source: s, Tasks: s, Run: "r012345678", Output: &out, Plain: true})
		m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		return m.Update(m.Init()())
	}
	s := &source{state: eval.RunRunning}
	m, cmd := open(s)
	if cmd == nil || !strings.Contains(m.View(), "◐ running") {
		t.Fatalf("a running run is not looked at again:\n%s", m.View())
	}
	s.state = eval.RunComplete
	_, cmd = m.Update(cmd()) // the time has come: it is read
	m.Update(cmd())
	if !strings.Contains(m.View(), "● complete") {
		t.Errorf("the screen did not follow:\n%s", m.View())
	}
	if _, cmd := open(&source{}); cmd != nil {
		t.Error("a complete run is looked at again")
	}
}
