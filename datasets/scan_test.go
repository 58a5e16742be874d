package datasets_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/datasets"
	"infer/eval"
)

func scan(t *testing.T, s *datasets.Source, extra func(*eval.Task) error) *datasets.Info {
	t.Helper()
	info, err := s.Scan(context.Background(), extra)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestScan counts a dataset by hand.
func TestScan(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"d.jsonl": `{"id":"a","input":"1","expected":1,"group":"g","task_type":"z"}
{"id":"b","input":"2","graders":["exact"],"group":"g"}
{"id":"c","input":[{"role":"user","content":[{"type":"image","path":"x.png"}]}],"recorded":{"model":"m"},"group":"h"}
{"id":"d","input":[{"role":"tool","content":"r"}]}
`})
	info := scan(t, open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl")), nil)
	if info.Tasks != 4 || info.Groups != 2 || info.WithExpected != 1 || info.WithGraders != 1 || info.WithRecorded != 1 || info.ProblemCount != 0 || len(info.Warnings) != 0 {
		t.Errorf("%+v", info)
	}
	if diff := cmp.Diff([]datasets.Count{{Name: "default", N: 3}, {Name: "z", N: 1}}, info.Types); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]datasets.Count{{Name: "image", N: 1}, {Name: "text", N: 2}, {Name: "tool_output", N: 1}}, info.InputTypes); diff != "" {
		t.Error(diff)
	}
}

// TestScanProblems names ids that stand twice, also across files and when they
// differ in case alone, and what the further check refuses; none of them is a task.
func TestScanProblems(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"a.jsonl": `{"id":"one","input":"1"}` + "\n" + `{"id":"Two","input":"2"}` + "\n" + `{"id":"one","input":"3"}` + "\n" + `{"id":"bad","input":"4"}` + "\n",
		"b.jsonl": `{"id":"two","input":"5"}` + "\n" + `{"id":"one","input":"6"}` + "\n" + `{"id":"ONE","input":"7"}` + "\n" + `{` + "\n",
	})
	info := scan(t, open(t, datasets.Options{}, dir), func(task *eval.Task) error {
		if task.ID == "bad" {
			return eval.Invalid(errors.New("refused"), "mend it")
		}
		return nil
	})
	var problems []string
	for _, p := range info.Problems {
		problems = append(problems, short(p))
	}
	trim := func(s string) string { return strings.ReplaceAll(s, dir+string(filepath.Separator), "") }
	want := []string{`a.jsonl:3: the id "one" stands in line 1 already`, `a.jsonl:4: refused`, `b.jsonl:2: the id "one" stands in a.jsonl:1 already`, "b.jsonl:4:1: the line ends in the middle of its JSON"}
	if diff := cmp.Diff(want, strings.Split(trim(strings.Join(problems, "\n")), "\n")); diff != "" {
		t.Error(diff)
	}
	if info.Problems[1].Hint != "mend it" || info.Tasks != 4 || info.ProblemCount != 4 {
		t.Errorf("%+v", info)
	}
	warnings := []string{`b.jsonl:1: the id "two" differs from that of a.jsonl:2 in case only`, `b.jsonl:3: the id "ONE" differs from that of a.jsonl:1 in case only`}
	if diff := cmp.Diff(warnings, strings.Split(trim(strings.Join(info.Warnings, "\n")), "\n")); diff != "" {
		t.Error(diff)
	}
	for seq, refused := range []bool{false, false, true, true, false, true, false} {
		if info.Refused(seq) != refused {
			t.Errorf("the task at %d: refused is %v", seq, !refused)
		}
	}
	if info.Refused(1000) {
		t.Error("a task that is not there is refused")
	}
}

// TestScanLimits describes the first hundred problems and counts the others.
func TestScanLimits(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"d.jsonl": strings.Repeat("x\n", 250)})
	info := scan(t, open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl")), nil)
	if len(info.Problems) != 100 || info.ProblemCount != 250 || info.Tasks != 0 {
		t.Errorf("%d of %d problems, %d tasks", len(info.Problems), info.ProblemCount, info.Tasks)
	}
}

// TestDigest is that of the tasks in their order, however they are stored.
func TestDigest(t *testing.T) {
	t.Parallel()
	const a, b = `{"id":"a","input":"1"}`, `{"id":"b","input":"2"}`
	dir := write(t, map[string]string{"plain/d.jsonl": a + "\n" + b + "\n", "two/1.jsonl": a, "two/2.jsonl": b, "odd/d.jsonl": "\ufeff" + a + "\r\n\n\n" + b,
		"packed/d.jsonl.zst": zst(a + "\n" + b), "turned/d.jsonl": b + "\n" + a, "other/d.jsonl": a + "\n" + b + " \n"})
	digest := func(name string) eval.Digest {
		return scan(t, open(t, datasets.Options{}, filepath.Join(dir, name)), nil).Digest
	}
	want := digest("plain")
	for _, same := range []string{"two", "odd", "packed"} {
		if digest(same) != want {
			t.Errorf("%s: another digest", same)
		}
	}
	for _, differs := range []string{"turned", "other"} {
		if digest(differs) == want {
			t.Errorf("%s: the same digest", differs)
		}
	}
}
