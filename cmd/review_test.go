package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"infer/cmd"
	"infer/eval"
	"infer/eval/store"
)

// reviewing drives `infer review` on a pseudo-terminal of 80 × 24.
type reviewing struct {
	t      *testing.T
	ctx    context.Context
	cmd    *exec.Cmd
	tty    *os.File
	screen *screenOf
}

func startReview(ctx context.Context, t *testing.T, dir, editor string, args ...string) *reviewing {
	t.Helper()
	base := program(t, dir, append([]string{"review", "quickstart"}, args...)...)
	command := exec.CommandContext(ctx, base.Path, base.Args[1:]...)
	// A terminal of the screen family is not asked for its colours, which nobody here would tell.
	command.Dir, command.Env = base.Dir, append(base.Env, "TERM=screen-256color", "NO_COLOR=1", "EDITOR="+editor, "VISUAL=")
	tty, err := pty.StartWithSize(command, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	r := &reviewing{t: t, ctx: ctx, cmd: command, tty: tty, screen: &screenOf{}}
	t.Cleanup(func() { _ = tty.Close() })
	go func() { _, _ = io.Copy(r.screen, tty) }()
	return r
}

func (r *reviewing) wait(text string) {
	r.t.Helper()
	for r.ctx.Err() == nil {
		if r.screen.has(text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatalf("the screen never held %q:\n%q", text, r.screen.b.String())
}

func (r *reviewing) press(keys string) {
	r.t.Helper()
	if _, err := r.tty.WriteString(keys); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reviewing) end() {
	r.t.Helper()
	r.press("q")
	if err := r.cmd.Wait(); err != nil {
		r.t.Fatalf("it did not end well: %v\n%q", err, r.screen.b.String())
	}
}

// TestReview judges on a real terminal: accept, reject with a reason and a note,
// mend in an editor, undo, quit, and go on later as somebody else. What was said
// is in the store, and a mended answer is a real repair.
func TestReview(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	editor := filepath.Join(dir, "edit.sh")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nsleep 0.2\necho mended >> \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"--store", db, "-n", "6", "--candidate", "gemma3-examples", "--task-type", "title", "--hourly-rate", "36", "--reviewer"}
	r := startReview(ctx, t, dir, editor, append(args, "ana")...)
	r.wait("1/6")
	r.wait("blind")
	r.press("a")
	r.wait("2/6")
	r.press("2")
	r.wait("2✓format")
	r.press("nlooks wrong\r")
	r.wait("looks wrong")
	r.press("x")
	r.wait("3/6")
	r.press("f")
	r.wait("4/6")
	r.press("a")
	r.wait("5/6")
	r.press("u")
	r.wait("taken back")
	r.end()
	if r.screen.has("gemma3") {
		t.Error("the screen says who answered")
	}

	again := startReview(ctx, t, dir, editor, append(args, "ana")...)
	again.wait("4/6")
	again.wait("3 judged")
	again.end()
	other := startReview(ctx, t, dir, editor, append(args, "ben")...)
	other.wait("1/6")
	other.press("x")
	other.wait("2/6")
	other.end()

	s, err := store.OpenReadOnly(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	review, err := s.Review(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	labels, err := s.Labels(ctx, review.ID)
	if err != nil || len(labels) != 4 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	if l := labels[1]; l.Kind != eval.LabelReject || len(l.Reasons) != 1 || l.Reasons[0] != "format" || l.Note != "looks wrong" || l.Took == nil {
		t.Errorf("the rejection: %+v", l)
	}
	fix := labels[2]
	if fix.Kind != eval.LabelFix || fix.Edit == nil || fix.FixTime == nil || *fix.FixTime < 200*time.Millisecond {
		t.Fatalf("the repair: %+v", fix)
	}
	if labels[3].Reviewer != "ben" || labels[3].Kind != eval.LabelReject {
		t.Errorf("the other reviewer: %+v", labels[3])
	}
	items, err := s.ReviewItems(ctx, review.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.Run(ctx, "quickstart")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for tr, err := range s.Trials(ctx, stored.ID, store.Filter{TaskID: items[2].First.TaskID, Candidate: &items[2].First.Candidate}) {
		if err != nil {
			t.Fatal(err)
		}
		found = true
		want := eval.Money(36 * int64(eval.USD) / 3600 * fix.FixTime.Microseconds() / 1_000_000)
		if tr.HumanFix == nil || !*tr.HumanFix || tr.HumanFixFrom != eval.Observed || tr.Verdict != eval.Accepted || !tr.Cost.Repair.Known() || tr.Cost.Repair.Low-want > eval.MicroUSD || want-tr.Cost.Repair.Low > eval.MicroUSD {
			t.Errorf("the repaired trial: fix %v from %s, %s, repair cost %v, want about %s", tr.HumanFix, tr.HumanFixFrom, tr.Verdict, tr.Cost.Repair, want)
		}
	}
	if !found {
		t.Error("the repaired trial is not there")
	}
	var res struct {
		Cells []struct {
			Labels, Accepted int
			Confusion        map[string]int
		}
		Between []struct{ Both int }
	}
	if err := json.Unmarshal(run(t, dir, "review", "results", "--store", db, "--json"), &res); err != nil || len(res.Cells) != 2 || res.Cells[0].Labels != 2 {
		t.Errorf("results %+v, %v", res, err)
	}
}

// TestReviewPairs judges pairs on a real terminal: sides are drawn, and a word
// about a side is stored as one about a candidate.
func TestReviewPairs(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	r := startReview(ctx, t, dir, "true", "--store", db, "-n", "8", "--pairs", "smollm2-examples,gemma3-examples", "--reviewer", "ana")
	for i := range 8 {
		r.wait(string(rune('1'+i)) + "/8")
		r.press("h") // always the left one
	}
	r.wait("All items are judged")
	r.end()
	s, err := store.OpenReadOnly(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	review, err := s.Review(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.ReviewItems(ctx, review.ID)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := s.Labels(ctx, review.ID)
	if err != nil || len(labels) != 8 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	for i, l := range labels {
		want := eval.LabelFirst
		if items[i].Swapped {
			want = eval.LabelSecond
		}
		if l.Kind != want {
			t.Errorf("pair %d, swapped %v: %s", i, items[i].Swapped, l.Kind)
		}
	}
}

// FuzzReviewFile: whatever a file holds, it is read or refused with its line.
func FuzzReviewFile(f *testing.F) {
	for _, s := range []string{"review,item,label\nv,0,accept\n", `{"review":"v","item":0,"label":"fix","edit":"x","fix_seconds":1}`, "\xef\xbb\xbfreview,item,label,reasons\nv,x,\n", "review,item,label\n\"v,0\n", "{\n", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := cmd.ReadReview(bytes.NewReader(b))
		if err == nil {
			return
		}
		if line, _, ok := strings.Cut(err.Error(), ":"); !ok || strings.Trim(line, "0123456789") != "" {
			t.Fatalf("an error without its line: %v", err)
		}
	})
}

// TestReviewSchema holds the results' JSON against its published schema.
func TestReviewSchema(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	run(t, dir, "review", "latest", "--store", db, "--no-input", "-n", "10")
	labels := bytes.ReplaceAll(run(t, dir, "review", "export", "--store", db, "--format", "jsonl"), []byte(`"label":""`), []byte(`"label":"accept"`))
	if err := os.WriteFile(filepath.Join(dir, "labels.jsonl"), labels, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "review", "import", "labels.jsonl", "--store", db)
	validate(t, "review", run(t, dir, "review", "results", "--store", db, "--json"))
}
