package render_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/report"
	"infer/report/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile would act on a terminal, a page, a spreadsheet, a CI log or a reader.
const hostile = "=cmd|'/C calc'!A0\x1b]0;x\x07\x1b[2J\u202egnp\u202c\u200b::error::x\n::add-mask::y|<b>@all</b>![i](http://x)"

func sample(t *testing.T) *report.Report {
	t.Helper()
	price := func(v eval.Price) *eval.Price { return &v }
	run := &eval.Run{ID: "r0123456789", Name: "sample", State: eval.RunComplete, CreatedAt: time.Unix(1_800_000_000, 0).UTC(), UpdatedAt: time.Unix(1_800_000_600, 0).UTC(),
		Dataset: eval.Dataset{Name: "tasks", Path: "tasks.jsonl", Tasks: 40}, Repeats: 1, Seed: 1, Concurrency: 8, Version: "test",
		Candidates: []eval.Candidate{{Name: "alpha", Provider: "p", Model: "a"}, {Name: hostile, Provider: "p", Model: "b"}, {Name: "silent", Provider: "p", Model: "c"}},
		Prices:     []eval.PriceRow{{Provider: "p", Model: "a", In: price(1), Out: price(2)}, {Provider: "p", Model: "b", In: price(1), Out: price(2), Example: true}, {}}}
	var cells []eval.Cell
	for c, accepted := range []int64{36, 20, 0} {
		for _, kind := range []string{report.Overall, "extract", "reply " + hostile} {
			n := int64(20)
			k := accepted / 2
			if kind == report.Overall {
				n, k = 40, accepted
			}
			cell := eval.Cell{TaskType: kind, Candidate: c, N: n, Accepted: k, FirstTry: k, AfterRegen: k, Judged: n, Rejected: n - k, Attempts: n + 3, Retries: 3,
				Errors: map[eval.Class]int64{}, Clusters: n, CostClusters: n, SumT2: float64(k), SumTN: float64(k), SumN2: float64(n)}
			if c == 1 {
				cell.Rejected -= 2
				cell.Errored = 2
				cell.Errors[eval.ClassTimeout] = 2
				if kind == report.Overall {
					cell.Samples = map[eval.Class]eval.Untrusted{eval.ClassTimeout: hostile}
				}
			}
			each := float64(c+1) * 0.001
			cell.SumC, cell.SumC2, cell.SumCT = float64(n)*each, float64(n)*each*each, float64(k)*each
			cell.Split.Answer = eval.Exactly(eval.Money(n) * eval.Money(c+1) * eval.USD / 1000)
			if c == 2 {
				cell.Split.Answer = eval.UnknownCost()
			}
			for i := range n {
				cell.Latency.Add((i + 1) * 50_000)
				cell.Flight.Add((i + 1) * 50_000)
				cell.Queue.Add(100)
			}
			cells = append(cells, cell)
		}
	}
	r, err := report.Build(run, cells)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cases(yield func(render.Case, error) bool) {
	for i := range 24 {
		c := render.Case{TaskType: "extract", Candidate: "alpha", TaskID: fmt.Sprintf("t%02d", i), File: "tasks.jsonl", Line: i + 1, Verdict: eval.Accepted, Latency: 1500 * time.Millisecond,
			Cost: eval.Exactly(eval.USD / 1000), Why: "as expected", Output: "42"}
		switch {
		case i == 3:
			c.Verdict, c.Class, c.Why, c.Output = eval.Errored, eval.ClassTimeout, hostile, ""
		case i == 5:
			c.Verdict, c.Why = eval.Unscored, "nothing to compare with"
		case i%2 == 0:
			c.Verdict, c.Why, c.Output, c.TaskID = eval.Rejected, "expected 42", hostile, c.TaskID+hostile
		}
		if !yield(c, nil) {
			return
		}
	}
}

// formats are all ways to write a report, by golden name.
func formats(t *testing.T) map[string]func(io.Writer) error {
	r := sample(t)
	as := func(f render.Format, o render.Options) func(io.Writer) error {
		return func(w io.Writer) error { return render.Report(w, r, f, o) }
	}
	return map[string]func(io.Writer) error{
		"table":        as(render.Table, render.Options{}),
		"table-40":     as(render.Table, render.Options{Width: 40}),
		"table-80":     as(render.Table, render.Options{Width: 80}),
		"table-120":    as(render.Table, render.Options{Width: 120}),
		"markdown":     as(render.Markdown, render.Options{}),
		"csv":          as(render.CSV, render.Options{}),
		"json":         as(render.JSON, render.Options{}),
		"junit":        func(w io.Writer) error { return render.JUnit(w, r, cases) },
		"annotations":  func(w io.Writer) error { return render.Annotations(w, r, cases) },
		"summary":      func(w io.Writer) error { return render.Summary(w, r) },
		"code-quality": func(w io.Writer) error { return render.CodeQuality(w, cases) },
		"openmetrics":  func(w io.Writer) error { return render.Metrics(w, r) },
	}
}

// TestFormats compares every format with its golden file, and shows that nothing
// hostile gets through in any of them.
func TestFormats(t *testing.T) {
	t.Parallel()
	for name, write := range formats(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			for i, r := range b.String() {
				if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x200b {
					t.Fatalf("byte %d is %U", i, r)
				}
			}
			for _, line := range strings.Split(b.String(), "\n") {
				if strings.HasPrefix(strings.TrimSpace(line), "::") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::error title=infer") {
					t.Errorf("a line begins with a workflow command: %q", line)
				}
			}
			golden(t, name, b.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; `go test ./report/render -update` writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", name, diff)
	}
}

// TestWidth: a table is never wider than it may be, as long as the columns that
// are always there fit.
func TestWidth(t *testing.T) {
	t.Parallel()
	r := sample(t)
	for i := range r.Cells { // names that fit
		if len(r.Cells[i].Candidate) > 10 {
			r.Cells[i].Candidate = "beta"
		}
		if len(r.Cells[i].TaskType) > 10 {
			r.Cells[i].TaskType = "reply"
		}
	}
	for _, width := range []int{70, 80, 100, 120, 160} {
		var b bytes.Buffer
		if err := render.Report(&b, r, render.Table, render.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		grid, _, _ := strings.Cut(b.String(), "\nerrors of")
		for _, line := range strings.Split(grid, "\n") {
			if n := len([]rune(strings.TrimRight(line, " "))); n > width {
				t.Errorf("width %d: a line of %d: %q", width, n, line)
			}
		}
	}
}

// TestUnknownIsNoNumber: what is not known is – or empty or null, in every form.
func TestUnknownIsNoNumber(t *testing.T) {
	t.Parallel()
	r := sample(t)
	var b bytes.Buffer
	if err := render.Report(&b, r, render.CSV, render.Options{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := make(map[string]int)
	for i, h := range rows[0] {
		col[h] = i
	}
	found := false
	for _, row := range rows[1:] {
		if row[col["candidate"]] == "silent" {
			found = true
			for _, h := range []string{"cost_usd", "cost_high_usd", "cost_per_accepted_usd", "ttft_p50_ms"} {
				if row[col[h]] != "" {
					t.Errorf("%s of a candidate whose cost is unknown is %q", h, row[col[h]])
				}
			}
		}
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	if !found {
		t.Fatal("no row of the candidate without a price")
	}
}

// TestJUnitIsWhole: the counts of the file are those of its cases, and one case
// carries the run's verdict.
func TestJUnitIsWhole(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.JUnit(&b, sample(t), cases); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Cases []struct {
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var tests, failures, errored, skipped int
	for _, s := range doc.Suites {
		for _, c := range s.Cases {
			tests++
			switch {
			case c.Failure != nil:
				failures++
			case c.Error != nil:
				errored++
			case c.Skipped != nil:
				skipped++
			}
		}
	}
	got, want := [4]int{doc.Tests, doc.Failures, doc.Errors, doc.Skipped}, [4]int{tests, failures, errored, skipped}
	if got != want || tests != 25 {
		t.Errorf("the file says %v, its cases are %v", got, want)
	}
}

// TestAnnotationLimits: GitHub drops all but ten annotations of a kind.
func TestAnnotationLimits(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.Annotations(&b, sample(t), cases); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "::warning"); n > 10 {
		t.Errorf("%d warnings, want at most 10", n)
	}
	if !regexp.MustCompile(`\d+ more tasks`).MatchString(b.String()) {
		t.Error("it does not say how many more there are")
	}
	if !strings.Contains(b.String(), "file=tasks.jsonl,line=1,") {
		t.Error("no annotation at the dataset's line")
	}
}

// TestErrorsPass: a stream that breaks off is an error of every format, not a
// shorter report.
func TestErrorsPass(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var stream iter.Seq2[render.Case, error] = func(yield func(render.Case, error) bool) { yield(render.Case{}, broken) }
	r := sample(t)
	for name, err := range map[string]error{
		"junit":       render.JUnit(io.Discard, r, stream),
		"annotations": render.Annotations(io.Discard, r, stream),
		"gitlab":      render.CodeQuality(io.Discard, stream),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecords: the ten fields under their exact names, null where unknown.
func TestRecords(t *testing.T) {
	t.Parallel()
	yes, retries := true, int64(2)
	cost := eval.Money(4_200_000_000)
	var b bytes.Buffer
	err := render.Records(&b, func(yield func(eval.Record, error) bool) {
		yield(eval.Record{Run: "r1", TaskID: hostile, Candidate: "c", Verdict: eval.Accepted, TaskType: "t", Model: "m", InputType: eval.InputText,
			RetryCount: &retries, Accepted: &yes, FinalCost: &cost, Origins: map[string]eval.Origin{"latency": eval.UnknownOrigin}}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	var rec map[string]any
	if err := json.Unmarshal(b.Bytes(), &rec); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"task_type", "model", "input_type", "latency", "retry_count", "fallback_used", "user_regenerated", "human_fix_required", "accepted_result", "final_cost"} {
		if _, ok := rec[field]; !ok {
			t.Errorf("no field %s", field)
		}
	}
	if rec["fallback_used"] != nil || rec["final_cost"] != 0.0042 || rec["task_id"] != hostile {
		t.Errorf("fallback_used %v, final_cost %v, task_id %q", rec["fallback_used"], rec["final_cost"], rec["task_id"])
	}
}
