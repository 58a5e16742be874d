package cmd_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"infer/providers/simulate"
)

// These are the traps of published evaluation data, each on the data that it was
// found in. TestOutlier is another of them.

// trapCell is what a report says of one candidate on everything.
type trapCell struct {
	N          int64 `json:"n"`
	Accepted   int64 `json:"accepted"`
	Rejected   int64 `json:"rejected"`
	Unscored   int64 `json:"unscored"`
	Acceptance struct {
		Point *float64 `json:"point"`
	} `json:"acceptance"`
	Cost struct {
		Known bool    `json:"known"`
		Low   float64 `json:"low"`
	} `json:"cost_usd"`
}

// rate reports whether the cell's acceptance is what is wanted.
func (c *trapCell) rate(want float64) bool {
	return c.Acceptance.Point != nil && math.Abs(*c.Acceptance.Point-want) < 1e-12
}

// recordedFile reads a file of the recorded data, or skips the test.
func recordedFile(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "shared", "data"}, path...)...))
	if err != nil {
		t.Skipf("recorded data is not here: %v", err)
	}
	return b
}

// importRows imports rows of outcomes and returns the folder of the store x.db, the
// cells over all task types by candidate, and what was said.
func importRows(t *testing.T, rows [][]string, args ...string) (dir string, cells map[string]*trapCell, said string) {
	t.Helper()
	dir = t.TempDir()
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.csv"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, append([]string{"import", "outcomes", "x.csv", "--store", "x.db", "--format", "json"}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	return dir, cellsByCandidate(t, out), errs.String()
}

// cellsByCandidate reads a report.
func cellsByCandidate(t *testing.T, report []byte) map[string]*trapCell {
	t.Helper()
	var r struct {
		Cells []struct {
			TaskType  string `json:"task_type"`
			Candidate string `json:"candidate"`
			trapCell
		} `json:"cells"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatal(err)
	}
	cells := make(map[string]*trapCell)
	for i := range r.Cells {
		if c := &r.Cells[i]; c.TaskType == "*" {
			cells[c.Candidate] = &c.trapCell
		}
	}
	return cells
}

// simulation is one run of an agent of tau2-bench.
type simulation struct {
	TaskID json.RawMessage `json:"task_id"`
	Cost   float64         `json:"agent_cost"`
	Reward struct {
		Reward float64 `json:"reward"`
	} `json:"reward_info"`
	Messages []struct {
		Role  string `json:"role"`
		Usage *struct {
			In  int64 `json:"prompt_tokens"`
			Out int64 `json:"completion_tokens"`
		} `json:"usage"`
	} `json:"messages"`
}

func simulations(t *testing.T, name string) []simulation {
	t.Helper()
	var file struct {
		Simulations []simulation `json:"simulations"`
	}
	if err := json.Unmarshal(recordedFile(t, "tau2-bench", "dev", name), &file); err != nil || len(file.Simulations) == 0 {
		t.Fatalf("%d simulations, %v", len(file.Simulations), err)
	}
	return file.Simulations
}

// TestRecordedCost: what an agent's calls cost was recorded; its tokens at the list
// price are 2.7 times as much, since most of the input was read from a cache, which
// the counts do not say. The recorded cost counts, to the last digit.
func TestRecordedCost(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"task_id", "task_type", "candidate", "accepted", "cost_usd"}}
	var recorded, listed float64
	for _, s := range simulations(t, "gpt-4.1_retail.json") {
		rows = append(rows, []string{string(s.TaskID), "retail", "gpt-4.1", strconv.FormatBool(s.Reward.Reward == 1), strconv.FormatFloat(s.Cost, 'f', -1, 64)})
		recorded += s.Cost
		for _, m := range s.Messages {
			if m.Role == "assistant" && m.Usage != nil {
				listed += 2e-6*float64(m.Usage.In) + 8e-6*float64(m.Usage.Out) // gpt-4.1's list price
			}
		}
	}
	if math.Abs(recorded-1.8886) > 5e-5 || math.Abs(listed-5.0950) > 5e-5 {
		t.Fatalf("recorded $%.4f, at list price $%.4f: the data is another", recorded, listed)
	}
	_, cells, _ := importRows(t, rows)
	if c := cells["gpt-4.1"]; !c.Cost.Known || math.Abs(c.Cost.Low-recorded) > 1e-9 {
		t.Errorf("cost %+v, recorded $%v", c.Cost, recorded)
	}
}

// TestZeroCost: the costs of a model that was tuned are all 0, because no price of it
// was known. They are unknown; that a model is free is for the user to say.
func TestZeroCost(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"task_id", "task_type", "candidate", "accepted", "cost_usd"}}
	for _, name := range []string{"gpt-4.1", "ft-gpt-4.1-tau2-full-sft"} {
		for _, s := range simulations(t, name+"_airline.json") {
			rows = append(rows, []string{string(s.TaskID), "airline", name, strconv.FormatBool(s.Reward.Reward == 1), strconv.FormatFloat(s.Cost, 'f', -1, 64)})
		}
	}
	_, cells, said := importRows(t, rows)
	if tuned := cells["ft-gpt-4.1-tau2-full-sft"]; tuned.N != 20 || tuned.Cost.Known {
		t.Errorf("cost of the tuned model: %+v", tuned.Cost)
	}
	if plain := cells["gpt-4.1"]; !plain.Cost.Known || plain.Cost.Low < 0.78 {
		t.Errorf("cost of gpt-4.1: %+v", plain.Cost)
	}
	if !strings.Contains(said, "every cost of ft-gpt-4.1-tau2-full-sft is 0, so no price was known") || strings.Contains(said, "every cost of gpt-4.1 ") {
		t.Errorf("said %q", said)
	}
	if _, cells, _ := importRows(t, rows, "--zero-is-free"); !cells["ft-gpt-4.1-tau2-full-sft"].Cost.Known {
		t.Error("--zero-is-free: the cost is unknown all the same")
	}
}

// TestDifferentTasks: one agent was run on 50 tasks and another on 20 of them. They are not compared without a word; on the common ones they are.
func TestDifferentTasks(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"task_id", "task_type", "candidate", "accepted", "repeat"}}
	var old []struct {
		TaskID int     `json:"task_id"`
		Reward float64 `json:"reward"`
		Trial  int     `json:"trial"`
	}
	if err := json.Unmarshal(recordedFile(t, "tau-bench", "gpt-4o-airline.trials01.json"), &old); err != nil {
		t.Fatal(err)
	}
	has := make(map[string]bool)
	for _, s := range old {
		if s.Trial == 0 {
			id := strconv.Itoa(s.TaskID)
			has[id] = true
			rows = append(rows, []string{id, "airline", "gpt-4o", strconv.FormatBool(s.Reward == 1), "0"})
		}
	}
	common := 0
	for _, s := range simulations(t, "gpt-4.1_airline.json") {
		id := strings.Trim(string(s.TaskID), `"`)
		if has[id] {
			common++
		}
		rows = append(rows, []string{id, "airline", "gpt-4.1", strconv.FormatBool(s.Reward.Reward == 1), "0"})
	}
	dir, cells, _ := importRows(t, rows)
	if cells["gpt-4o"].N != 50 || cells["gpt-4.1"].N != 20 || common != 20 {
		t.Fatalf("%d and %d tasks, %d common", cells["gpt-4o"].N, cells["gpt-4.1"].N, common)
	}
	for _, args := range [][]string{{"compare", "gpt-4o", "gpt-4.1"}, {"recommend"}} {
		out, err := program(t, dir, append(args, "--store", "x.db")...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "not tried on the same tasks: gpt-4.1 lacks 30") {
			t.Errorf("%s: %v: %s", args[0], err, out)
		}
	}
	out, err := program(t, dir, "compare", "gpt-4o", "gpt-4.1", "--allow-partial", "--store", "x.db", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Types []struct {
			Tasks int `json:"tasks"`
			Pairs []struct {
				Pairs int `json:"pairs"`
			} `json:"pairs"`
		} `json:"task_types"`
	}
	if err := json.Unmarshal(out, &r); err != nil || len(r.Types) != 1 || r.Types[0].Tasks != 20 || r.Types[0].Pairs[0].Pairs != 20 {
		t.Errorf("compared on %+v, %v; want 20 tasks", r.Types, err)
	}
}

// TestDenominator: some entries of a leaderboard were run on 223 or 224 cases, and
// most of their published rates divide by 225. A rate here is over the tasks that
// were run, and its count stands beside it.
func TestDenominator(t *testing.T) {
	t.Parallel()
	var board []struct {
		Model string  `yaml:"model"`
		Cases int     `yaml:"test_cases"`
		Pass  int     `yaml:"pass_num_2"`
		Rate  float64 `yaml:"pass_rate_2"`
	}
	if err := yaml.Unmarshal(recordedFile(t, "aider", "polyglot_leaderboard.yml"), &board); err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"task_id", "task_type", "candidate", "accepted"}}
	short, divided := make(map[string]int), 0
	for i, e := range board {
		if e.Cases != 223 && e.Cases != 224 {
			continue
		}
		if math.Abs(100*float64(e.Pass)/float64(e.Cases)-e.Rate) > 0.05 {
			divided++
		}
		short[e.Model] = i
		for n := range e.Cases {
			rows = append(rows, []string{fmt.Sprint("case", n), "coding", e.Model, strconv.FormatBool(n < e.Pass)})
		}
	}
	if len(short) != 6 || divided != 5 {
		t.Fatalf("%d entries of 223 or 224 cases, %d of them divided by another number: the data is another", len(short), divided)
	}
	_, cells, _ := importRows(t, rows)
	for model, i := range short {
		c, e := cells[model], board[i]
		if c.N != int64(e.Cases) || c.Accepted != int64(e.Pass) || !c.rate(float64(e.Pass)/float64(e.Cases)) {
			t.Errorf("%s: %+v; want %d of %d", model, *c, e.Pass, e.Cases)
		}
	}
}

// TestJudgeFailed: where a judge gave no score (empty, or -1), nothing is known of the
// answer. That is no rejection of the model: it is in no rate.
func TestJudgeFailed(t *testing.T) {
	t.Parallel()
	list, err := csv.NewReader(bytes.NewReader(recordedFile(t, "arena-bench-v1", "judge_scores.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"task_id", "task_type", "candidate", "accepted"}}
	want := make(map[string]*trapCell)
	failed := 0
	for _, r := range list[1:] {
		name := strings.TrimSuffix(r[0], ".jsonl")
		if want[name] == nil {
			want[name] = new(trapCell)
		}
		w, accepted := want[name], ""
		w.N++
		switch score, err := strconv.ParseFloat(r[3], 64); {
		case err != nil || score < 0:
			w.Unscored++
			failed++
		case score >= 7:
			w.Accepted++
			accepted = "true"
		default:
			w.Rejected++
			accepted = "false"
		}
		rows = append(rows, []string{r[1], "chat", name, accepted})
	}
	if failed != 18 || len(want) != 15 {
		t.Fatalf("%d failures of the judge on %d models: the data is another", failed, len(want))
	}
	_, cells, _ := importRows(t, rows)
	for name, w := range want {
		c := cells[name]
		if c.N != w.N || c.Accepted != w.Accepted || c.Rejected != w.Rejected || c.Unscored != w.Unscored {
			t.Errorf("%s: %+v, want %+v", name, *c, *w)
		}
		if judged := w.Accepted + w.Rejected; !c.rate(float64(w.Accepted) / float64(judged)) {
			t.Errorf("%s: %+v, want %d of %d", name, *c, w.Accepted, judged)
		}
	}
}

// TestAnswersThatAreNone: answers that are error objects instead of texts, and answers
// that hold none of the labels, as published answers to multiple-choice questions
// have them. The first are refused with their place; the second are rejected, never
// guessed.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bad.jsonl", `{"input":"1?","expected":"A","recorded":{"output":"A","accepted_result":true}}`+"\n"+
		`{"input":"2?","expected":"A","recorded":{"output":{"error":"blocked"},"accepted_result":true}}`+"\n")
	out, err := program(t, dir, "datasets", "check", "bad.jsonl").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "bad.jsonl:2:") || !strings.Contains(string(out), "output") {
		t.Errorf("an error object as an answer: %v: %s", err, out)
	}
	srv := httptest.NewServer(simulate.NewServer(simulate.ServerOptions{Models: map[string]simulate.Model{"m": {Accuracy: 1}}}))
	t.Cleanup(srv.Close)
	var lines strings.Builder
	for i, answer := range []string{"A", "The answer is (A).", "I cannot see the image.", "A or B"} {
		input, err := json.Marshal(fmt.Sprintf("Which? [[answer:%s]]", answer))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, `{"id":"t%d","input":%s,"expected":"A","graders":[{"type":"multiple_choice"}]}`+"\n", i, input)
	}
	write("good.jsonl", lines.String())
	if out, err = program(t, dir, "eval", "good.jsonl", "-m", "m="+srv.URL+"/v1/m", "--store", "g.db", "--json", "-q").Output(); err != nil {
		t.Fatal(err)
	}
	c := cellsByCandidate(t, out)["m"]
	if c.N != 4 || c.Accepted != 2 || c.Rejected != 2 || !c.rate(0.5) {
		t.Errorf("%+v; want 2 accepted and 2 rejected", *c)
	}
}
