package scoring_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infer/eval"
)

// shared opens recorded data that lies beside the project; a test that needs it
// is skipped where it is not there.
func shared(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", filepath.FromSlash(path)))
	if err != nil {
		t.Skipf("recorded data is not here: %v", err)
	}
	return b
}

// lines decodes each line of b into a new T.
func lines[T any](t *testing.T, b []byte) []T {
	t.Helper()
	var out []T
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 8<<20)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGSM8K grades the four published columns of solutions to the 1,319 test
// questions and compares every verdict with the publishers' own: by the marker
// that their models were trained to write, against the reference solution, and
// by the answer's last number, against the reference number.
func TestGSM8K(t *testing.T) {
	t.Parallel()
	type solution struct {
		Correct bool   `json:"is_correct"`
		Text    string `json:"solution"`
	}
	type row struct {
		Truth string   `json:"ground_truth"`
		A     solution `json:"6b_finetuning"`
		B     solution `json:"6b_verification"`
		C     solution `json:"175b_finetuning"`
		D     solution `json:"175b_verification"`
	}
	rows := lines[row](t, shared(t, "grade-school-math/example_model_solutions.jsonl"))
	if len(rows) != 1319 {
		t.Fatalf("%d questions, want 1319", len(rows))
	}
	graded := 0
	for i, r := range rows {
		truth, err := json.Marshal(r.Truth)
		if err != nil {
			t.Fatal(err)
		}
		_, number, _ := strings.Cut(r.Truth, "\nA: ")
		for k, s := range []solution{r.A, r.B, r.C, r.D} {
			for _, c := range []struct {
				rule     string
				expected json.RawMessage
			}{
				{`{"type":"number","after":"A:"}`, truth},
				{`"number"`, json.RawMessage(strings.ReplaceAll(number, ",", ""))},
			} {
				g := gradeOf(t, c.rule, &eval.Task{Expected: c.expected}, &eval.Response{Text: eval.Untrusted(s.Text)})
				graded++
				if (g.Verdict == eval.Accepted) != s.Correct || g.Verdict == eval.Unscored {
					t.Errorf("question %d, column %d, by %s: %s, published %v: %s %s", i, k, c.rule, g.Verdict, s.Correct, g.Scores[0].Explanation, g.Scores[0].Error)
				}
			}
		}
	}
	t.Logf("%d verdicts compared", graded)
}
