package decide_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"infer/eval"
	"infer/scoring/decide"
)

// recorded is a folder of real recorded outcomes; the test is skipped where it is
// absent.
func recorded(t *testing.T, path ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{"..", "..", "..", "shared", "data"}, path...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("the recorded data are not here: %s", filepath.Join(path...))
	}
	return p
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	rows, err := csv.NewReader(bufio.NewReader(f)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func add(t *testing.T, b *decide.Builder, task, candidate int, ok bool, more func(*eval.Outcome)) {
	t.Helper()
	o := eval.Outcome{TaskSeq: int32(task), Cluster: int32(task), Candidate: int32(candidate), Verdict: eval.Rejected, Attempts: 1, Cost: eval.UnknownCost(), LatencyUS: -1, TTFTUS: -1}
	if ok {
		o.Verdict = eval.Accepted
	}
	if more != nil {
		more(&o)
	}
	if err := b.Add(&o); err != nil {
		t.Fatal(err)
	}
}

func built(t *testing.T, b *decide.Builder) *decide.Evidence {
	t.Helper()
	e, err := b.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func runOf(kind eval.TaskType, names, providers []string) *eval.Run {
	r := &eval.Run{ID: "r1", TaskTypes: []eval.TaskType{kind}, Repeats: 1}
	for i := range names {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: names[i], Model: names[i], Provider: providers[i]})
	}
	return r
}

// TestRouteLLM replays GSM8K: GPT-4 1130 of 1319, Mixtral 842, both 747; a cascade
// with a perfect check gets 1225 accepted with 477 escalations.
func TestRouteLLM(t *testing.T) {
	t.Parallel()
	rows := readCSV(t, recorded(t, "routellm", "gsm8k_responses.csv"))[1:]
	b := decide.NewBuilder([]string{"gsm8k"}, 2)
	for i, row := range rows {
		for c, at := range []int{1, 2} {
			add(t, b, i, c, row[at] == "True", nil)
		}
	}
	e := built(t, b)
	names := []string{"mixtral", "gpt-4"}
	c, err := decide.Compare(decide.Arms{Names: names, Evidence: e, Alpha: 0.05, Kind: func(string) eval.TaskType { return low(0.05) }, ID: func(int32) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Types[0].Pairs[0]
	if p.Pairs != 1319 || p.OnlyThis != 842-747 || p.OnlyRival != 1130-747 || !strings.Contains(p.Sentence, "gpt-4 is better than mixtral by 21.8 points") {
		t.Errorf("%d pairs, %d and %d alone: %s", p.Pairs, p.OnlyThis, p.OnlyRival, p.Sentence)
	}
	r := &decide.Replay{Evidence: e, Names: names, Providers: []string{"a", "b"}}
	v := value(t, r, "mixtral>gpt-4")
	if got := math.Round(*v.Acceptance.Point * 1319); got != 1225 {
		t.Errorf("the cascade gets %v accepted, want 1225", got)
	}
	if got := math.Round((v.CallsPer - 1) * 1319); got != 477 {
		t.Errorf("%v escalations, want 477", got)
	}
	if v.Cost != nil {
		t.Error("an unknown cost became a number")
	}
}

// TestArenaBench: the first half of the questions, 15 candidates by a judge's score
// of 7 or more; the best are ties, and a tie is not called a win.
func TestArenaBench(t *testing.T) {
	t.Parallel()
	rows := readCSV(t, recorded(t, "arena-bench-v1", "judge_scores.csv"))[1:]
	questions, models := make(map[string]bool), make(map[string]bool)
	for _, row := range rows {
		questions[row[1]], models[row[2]] = true, true
	}
	ids, names := keysOf(questions), keysOf(models)
	if len(names) != 15 {
		t.Fatalf("%d candidates", len(names))
	}
	at := func(list []string, s string) int { return sort.SearchStrings(list, s) }
	b := decide.NewBuilder([]string{"chat"}, 15)
	seen := make(map[[2]int]bool)
	for _, row := range rows {
		q, m := at(ids, row[1]), at(names, row[2])
		if q >= len(ids)/2 || seen[[2]int{q, m}] {
			continue
		}
		seen[[2]int{q, m}] = true
		score, err := strconv.ParseFloat(row[3], 64)
		add(t, b, q, m, score >= 7, func(o *eval.Outcome) {
			if err != nil || score < 0 { // the judge failed, not the model
				o.Verdict = eval.Unscored
			}
		})
	}
	providers := make([]string, 15)
	run := runOf(eval.TaskType{Name: "chat", Class: eval.HighRisk, Margin: 0.1}, names, providers)
	rule := decide.DefaultRule(1)
	rule.Resamples = 200
	r, err := decide.Recommend(decide.Input{Run: run, Evidence: built(t, b), Rule: rule, AllowPartial: true})
	if err != nil {
		t.Fatal(err)
	}
	groups := make(map[int]int)
	for _, c := range r.Types[0].Candidates {
		groups[c.Group]++
		for _, v := range c.Versus {
			if v.HolmP > 0.05 && strings.Contains(v.Sentence, "better") {
				t.Errorf("p = %v and yet: %s", v.HolmP, v.Sentence)
			}
		}
	}
	if groups[1] < 2 || len(groups) < 2 {
		t.Errorf("rank groups %v: the best are not shown as ties, or all are", groups)
	}
	t.Logf("rank groups %v, %s: %v", groups, r.Types[0].Verdict, r.Types[0].Reasons)
}

func keysOf(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// TestTau2: agents of tau2-bench, reward 1 is accepted; a recorded cost of 0 means
// that no price is known, and stays unknown.
func TestTau2(t *testing.T) {
	t.Parallel()
	dir := recorded(t, "tau2-bench", "dev")
	for _, domain := range []string{"airline", "retail", "telecom"} {
		b := decide.NewBuilder([]string{domain}, 2)
		ids := make(map[string]int)
		n := 0
		for c, model := range []string{"gpt-4.1", "ft-gpt-4.1-tau2-full-sft"} {
			raw, err := os.ReadFile(filepath.Join(dir, model+"_"+domain+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var file struct {
				Simulations []struct {
					TaskID   json.RawMessage `json:"task_id"`
					Trial    int32           `json:"trial"`
					Duration float64         `json:"duration"`
					Cost     *float64        `json:"agent_cost"`
					Reward   struct {
						Reward float64 `json:"reward"`
					} `json:"reward_info"`
				} `json:"simulations"`
			}
			if err := json.Unmarshal(raw, &file); err != nil {
				t.Fatal(err)
			}
			for _, s := range file.Simulations {
				id := string(s.TaskID)
				if _, ok := ids[id]; !ok {
					ids[id] = len(ids)
				}
				n++
				add(t, b, ids[id], c, s.Reward.Reward == 1, func(o *eval.Outcome) {
					o.Repeat = s.Trial
					o.LatencyUS = int64(s.Duration * 1e6)
					if s.Cost != nil && *s.Cost > 0 {
						o.Cost = eval.Exactly(eval.Money(math.Round(*s.Cost * 1e12)))
					}
				})
			}
		}
		if n == 0 {
			t.Fatalf("%s: no simulation", domain)
		}
		r, err := decide.Recommend(decide.Input{Run: runOf(eval.TaskType{Name: domain, Class: eval.Agent, Margin: 0.05}, []string{"gpt-4.1", "tuned"}, []string{"openai", "openai"}),
			Evidence: built(t, b), Rule: decide.DefaultRule(1), AllowPartial: true})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Types[0]
		plain, tuned := d.Candidates[0], d.Candidates[1]
		if plain.Cost == nil || plain.Cost.Point == nil || *plain.Cost.Point <= 0 || tuned.Cost != nil {
			t.Errorf("%s: cost of gpt-4.1 %+v, of the tuned model %+v (no price is known)", domain, plain.Cost, tuned.Cost)
		}
		if plain.LatencyP95 == nil || *plain.LatencyP95 <= 0 {
			t.Errorf("%s: no duration", domain)
		}
		t.Logf("%s: %d runs, gpt-4.1 %.2f accepted at $%.3f, tuned %.2f; %s", domain, n, *plain.Acceptance.Point, *plain.Cost.Point, *tuned.Acceptance.Point, d.Verdict)
	}
}
