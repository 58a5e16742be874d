package html_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/report"
	"infer/report/html"
)

// hostile are texts that would act on a page, a terminal or a reader.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><script>alert(1)</script>`, `javascript:alert(1)`,
	"\x1b]0;title\x07\x1b[2J", "\u202egnp.exe\u202c", "a\u200bb\ufeff", "\u009b31mred", "{{.Report}}", "${alert(1)}", "\x00\xff",
}

// detailed is how many tasks a page shows with their answers here.
const detailed = 500

func page(t testing.TB, tasks, candidates int) *html.Page {
	t.Helper()
	run := &eval.Run{ID: "rtest", Name: "test", State: eval.RunComplete, CreatedAt: time.Unix(0, 0), UpdatedAt: time.Unix(60, 0), Repeats: 1,
		Dataset: eval.Dataset{Name: hostile[0], Path: "x.jsonl", Tasks: tasks}}
	var cells []eval.Cell
	for c := range candidates {
		name := fmt.Sprintf("model-%d", c)
		if c == 0 {
			name = hostile[1]
		}
		run.Candidates = append(run.Candidates, eval.Candidate{Name: name, Provider: "p", Model: "m"})
		for _, kind := range []string{report.Overall, "type " + hostile[2]} {
			cell := eval.Cell{TaskType: kind, Candidate: c, N: int64(tasks), Accepted: int64(tasks / 2), Judged: int64(tasks), Rejected: int64(tasks - tasks/2 - 1),
				Errored: 1, Errors: map[eval.Class]int64{eval.ClassTimeout: 1}, Attempts: int64(tasks),
				Clusters: int64(tasks), CostClusters: int64(tasks), SumT2: float64(tasks / 2), SumTN: float64(tasks / 2), SumN2: float64(tasks),
				SumC: float64(tasks) * 0.001, SumC2: float64(tasks) * 2e-6, SumCT: float64(tasks) * 0.0005,
				Split: eval.CostSplit{Answer: eval.Exactly(eval.Money(tasks) * eval.USD / 1000)}}
			for i := range tasks {
				cell.Latency.Add(int64(1000 * (i + 1)))
			}
			cells = append(cells, cell)
		}
	}
	r, err := report.Build(run, cells)
	if err != nil {
		t.Fatal(err)
	}
	p := &html.Page{Report: r, Cells: cells, Store: "x.db", Failures: []html.FailureCount{{From: time.Unix(30, 0), Class: eval.ClassTimeout, N: 3}},
		Flips: []html.Flip{{A: 0, B: min(1, candidates-1), OnlyA: 3, OnlyB: 1, Examples: []string{hostile[0]}}}}
	for i := range tasks {
		row := html.Task{ID: fmt.Sprintf("task-%05d", i), Type: "type", File: "x.jsonl", Line: i + 1}
		h := eval.Untrusted(hostile[i%len(hostile)])
		if i < detailed {
			row.Input, row.Expected = h+eval.Untrusted(strings.Repeat("x", 300)), h
		}
		for c := range candidates {
			a := html.Answer{Verdict: eval.Rejected, Latency: time.Second, Tries: 1, Cost: eval.Exactly(eval.MicroUSD), Why: "not the expected text"}
			if i < detailed {
				a.Text = h + eval.Untrusted(strings.Repeat("y", 100))
			}
			if c == 1 {
				a.Verdict = eval.Accepted
				row.Accepted++
			}
			row.Answers = append(row.Answers, a)
		}
		if i < detailed {
			p.Tasks = append(p.Tasks, row)
		} else {
			p.Brief = append(p.Brief, row)
		}
	}
	return p
}

func render(t testing.TB, p *html.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := html.Render(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSelfContained: nothing on the page can load or run anything but its own
// style and script, which the policy names by their hashes.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	out := string(render(t, page(t, 40, 3)))
	for _, pattern := range []string{`(?i)<(link|img|iframe|object|embed|base|form|audio|video)\b`, `(?i)\s(on[a-z]+|style|src|href)\s*=\s*["']`, `(?i)url\(`, `(?i)@import`} {
		inner := regexp.MustCompile(pattern).FindString(out)
		if inner != "" {
			t.Errorf("the page holds %q", inner)
		}
	}
	for _, element := range []string{"style", "script"} {
		m := regexp.MustCompile("(?s)<" + element + ">(.*?)</" + element + ">").FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s", element)
		}
		sum := sha256.Sum256([]byte(m[1]))
		want := strings.ReplaceAll("sha256-"+base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;")
		if !strings.Contains(out, want) {
			t.Errorf("the policy lets another %s in than the page has", element)
		}
	}
	if n := strings.Count(out, "<script"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
}

// TestHostile: no text from outside becomes markup, and what would act on a
// terminal or mislead a reader is made visible.
func TestHostile(t *testing.T) {
	t.Parallel()
	out := string(render(t, page(t, 40, 3)))
	for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>", "\x1b", "\u202e", "\u200b", "\u009b", "\x00", "{{.Report}}{{"} {
		if strings.Contains(out, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, r := range out {
		if r < 0x20 && r != '\n' && r != '\t' {
			t.Fatalf("the page holds the control character %U", r)
		}
	}
}

// TestSize: 5,000 tasks of six candidates stay below 3 MB.
func TestSize(t *testing.T) {
	t.Parallel()
	if n := len(render(t, page(t, 5000, 6))); n > 3<<20 {
		t.Errorf("%d bytes, want at most 3 MiB", n)
	}
}

// TestUnknown: what is not known is never a number.
func TestUnknown(t *testing.T) {
	t.Parallel()
	p := page(t, 4, 1)
	p.Report.Cells[0].Acceptance = report.Rate{}
	p.Report.Cells[0].CostPerAccepted = report.CostPer{}
	p.Report.Cells[0].Cost = report.Money{}
	p.Report.Cells[0].Latency = report.Quantiles{}
	out := string(render(t, p))
	row := regexp.MustCompile(`(?s)<tbody><tr><th scope="row">.*?</tr>`).FindString(out[strings.Index(out, `id="overall"`):])
	if n := strings.Count(row, "–"); n < 5 {
		t.Errorf("%d unknown figures are shown as –, want 5 at least:\n%s", n, row)
	}
}

// TestBrowser opens the page in a real browser without a network: no complaint on
// its console, and without a script the same tasks are there to be read.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, render(t, page(t, 30, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	with, console := dump(t, browser, file)
	if regexp.MustCompile(`(?i)CONSOLE`).MatchString(console) {
		t.Errorf("the browser complains:\n%s", console)
	}
	if !strings.Contains(with, "30 of 30 shown") {
		t.Errorf("the filter did not start")
	}
	script := regexp.MustCompile("(?s)<script>.*</script>")
	if err := os.WriteFile(file, script.ReplaceAll(render(t, page(t, 30, 3)), nil), 0o600); err != nil {
		t.Fatal(err)
	}
	without, console := dump(t, browser, file)
	if n := strings.Count(without, "<details"); n != 30 || strings.Contains(console, "CONSOLE") || !strings.Contains(without, `id="filters" hidden`) {
		t.Errorf("without a script %d of 30 tasks are there; console:\n%s", n, console)
	}
}

// dump returns the page's elements as the browser sees them, and what it logged.
func dump(t *testing.T, browser, file string) (dom, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	args := append(offline(t), "--dump-dom")
	cmd := exec.CommandContext(ctx, browser, append(args, "file://"+file)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	return out.String(), errs.String()
}

func BenchmarkRender(b *testing.B) {
	p := page(b, 5000, 6)
	var n int
	for b.Loop() {
		n = len(render(b, p))
	}
	b.ReportMetric(float64(n), "bytes")
}
