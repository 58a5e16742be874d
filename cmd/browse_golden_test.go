package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infer/cmd"
	"infer/eval/store"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

// TestBrowseQuickstart holds what the browser shows of the example project: the
// same store gives the same screens, since their times are the run's.
func TestBrowseQuickstart(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	for name, keys := range map[string][]string{
		"runs": {"0"}, "board": nil, "board-type": {"l", "l"}, "frontier": {"2"}, "frontier-type": {"2", "l", "l", "l"}, "tasks": {"3"}, "tasks-different": {"3", "f", "f"}, "tasks-slowest": {"3", "s", "s", "s"},
		"task": {"3", "f", "f", "enter"}, "decide": {"4"}, "decide-whatif": {"4", "+", "+", "w", "+", "+"}, "diff": {"3", "enter", "d"}, "review": {"5"},
		"attempts": {"3", "f", "f", "enter", "enter"}, "texts": {"3", "enter", "v"}, "export": {"4", "x", "tab"}, "help": {"?"}, "palette": {":"},
	} {
		for _, size := range [][2]int{{80, 24}, {140, 45}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				var out, errs bytes.Buffer
				o, done, err := cmd.Browsed(t.Context(), fixedApp(dir, &out, &errs), db, config, "quickstart")
				if err != nil {
					t.Fatal(err)
				}
				defer done() //nolint:errcheck // opened for reading only
				o.Plain = true
				d := tuitest.New(t, tui.New(t.Context(), o), size[0], size[1])
				tuitest.Golden(t, filepath.Join("testdata", "browse", filepath.Base(t.Name())+".txt"), d.Press(keys...).View(), *update)
			})
		}
	}
}

// TestBrowseReview judges in the browser what `infer review` would: the same sample,
// the same words. A browser that is closed in the middle of it loses none.
func TestBrowseReview(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	open := func() (*tuitest.Driver, func() error) {
		var out, errs bytes.Buffer
		o, done, err := cmd.Browsed(t.Context(), fixedApp(dir, &out, &errs), db, config, "quickstart")
		if err != nil {
			t.Fatal(err)
		}
		o.Plain = true
		return tuitest.New(t, tui.New(t.Context(), o), 110, 30), done
	}
	d, done := open()
	d.Press("5").Expect("single answers", "0/40", "not begun", "pairs: gemma3-examples against").Press("enter").Expect("review 1/40", "blind").ExpectNot("gemma3", "smollm2")
	d.Press("a").Expect("review 2/40").Press("1", "x").Expect("review 3/40").Press("esc").Expect("single answers", "2/40", "goes on")
	d.Press("j", "enter").Expect("Left", "Right", "review 1/40").Press("l").Expect("review 2/40")
	if err := done(); err != nil { // the terminal is closed
		t.Fatal(err)
	}
	s, err := store.OpenReadOnly(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	run, err := s.Run(t.Context(), "quickstart")
	if err != nil {
		t.Fatal(err)
	}
	reviews, err := s.Reviews(t.Context(), run.ID)
	if err != nil || len(reviews) != 2 {
		t.Fatalf("%d reviews, %v", len(reviews), err)
	}
	var said []string
	for i := range reviews {
		labels, err := s.Labels(t.Context(), reviews[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range labels {
			said = append(said, fmt.Sprintf("%s %d %s %v", reviews[i].Mode, l.Item, l.Kind, l.Reasons))
		}
	}
	if len(said) != 3 || said[0] != "single 0 accept []" || said[1] != "single 1 reject [wrong fact]" || !strings.HasPrefix(said[2], "pairs 0 ") {
		t.Errorf("stored: %q", said)
	}
	// The command of the list goes on with the same review.
	out, _ := inProcess(t, ".", 0, "review", run.ID, "-n", "40", "--no-input", "--store", db, "--config", config)
	if !strings.Contains(out, reviews[0].ID) {
		t.Errorf("infer review names another review: %s", out)
	}
	d, done = open()
	d.Press("5").Expect("2/40", "1/40").Press("enter").Expect("review 3/40", "2 judged")
	if err := done(); err != nil {
		t.Fatal(err)
	}
}

// TestOverruledExport: what a person chooses in the browser is what it exports, and what
// `infer export --overruled` does; without the flag the file is the evidence's, and a
// note says so.
func TestOverruledExport(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	var out, errs bytes.Buffer
	o, done, err := cmd.Browsed(t.Context(), fixedApp(dir, &out, &errs), db, config, "quickstart")
	if err != nil {
		t.Fatal(err)
	}
	defer done() //nolint:errcheck // opened for reading only
	o.Plain = true
	d := tuitest.New(t, tui.New(t.Context(), o), 140, 60)
	d.Press("4", "o").Expect("which default instead?").Press("j", "enter").Type("legal wants it").Press("enter").Expect("overruled: smollm2-examples", "by a person")
	d.Press("x").Expect("default: smollm2-examples", "verdict: overruled", "infer export r5ded6d395 --format infer --overruled")
	args := []string{"export", "--store", db, "--config", config, "--format", "json"}
	plain, said := inProcess(t, ".", 0, args...)
	if strings.Contains(plain, "legal wants it") || !strings.Contains(said, "note: people overruled the decision on 1 task types") {
		t.Errorf("without the flag: %s", said)
	}
	file, said := inProcess(t, ".", 0, append(args, "--overruled")...)
	if !strings.Contains(file, "legal wants it") || strings.Contains(said, "note:") {
		t.Errorf("with the flag: %s", said)
	}
	validate(t, "routes", []byte(file))
	path := filepath.Join(dir, "deployed.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	inProcess(t, ".", 0, append(args, "--overruled", "--check", path)...)
	inProcess(t, ".", 3, append(args, "--check", path)...) // the evidence alone does not decide that type
}
