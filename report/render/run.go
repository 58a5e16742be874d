package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"infer/eval"
)

// RunSchema names the version of the JSON form of a run's plan.
const RunSchema = "infer.run/1"

// RunJSON writes a run's plan as it is stored: times in nanoseconds, prices in
// micro-USD per million tokens.
func RunJSON(w io.Writer, run *eval.Run, throttles []eval.Throttle) error {
	return Indented(w, struct {
		Schema string `json:"schema"`
		*eval.Run
		Throttles []eval.Throttle `json:"throttles,omitempty"`
	}{RunSchema, run, throttles})
}

// Run writes a run's plan for people, with what its providers could be sent in the
// course of it.
func Run(w io.Writer, run *eval.Run, throttles []eval.Throttle) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s · %s · %s\n\n", run.ID, name(run.Name), run.State)
	tasksOf := plural(run.Dataset.Tasks, "task")
	if n := run.Tasks(); n < run.Dataset.Tasks {
		tasksOf = fmt.Sprintf("%d of %s", n, tasksOf)
	}
	fmt.Fprintf(&b, "dataset  %s, digest %s\n", eval.Untrusted(run.Dataset.Path).Line(200), run.Dataset.Digest.Short())
	fmt.Fprintf(&b, "plan     %s × %s × %s = %s\n", tasksOf, plural(run.Called(), "candidate"), plural(run.Repeats, "repeat"), plural(run.Planned(), "trial"))
	fmt.Fprintf(&b, "order    seed %d, at most %s in flight", run.Seed, plural(run.Concurrency, "call"))
	if run.Rate > 0 {
		fmt.Fprintf(&b, ", %s trials a second", strconv.FormatFloat(run.Rate, 'g', 4, 64))
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "grading  %d, digest %s", run.Grading.Number, run.Grading.Digest.Short())
	if run.Grading.Note != "" {
		fmt.Fprintf(&b, ": %s", eval.Untrusted(run.Grading.Note).Line(200))
	}
	fmt.Fprintf(&b, "\nmade     %s by infer %s, last written %s\n\n", stamp(run.CreatedAt), eval.Untrusted(run.Version).Line(60), stamp(run.UpdatedAt))
	rows := make([][]string, len(run.Candidates))
	for i := range run.Candidates {
		c := &run.Candidates[i]
		row := []string{name(c.Name), name(c.Provider), name(c.Model), params(c), unknown, unknown, unknown}
		if i < len(run.Prices) && run.Prices[i].Model != "" {
			p := &run.Prices[i]
			row[4], row[5], row[6] = perMillion(p.In), perMillion(p.Out), p.AsOf
			if p.Example {
				row[6] = "invented"
			}
		}
		rows[i] = row
	}
	if err := plain(&b, []string{"candidate", "provider", "model", "parameters", "$/M in", "$/M out", "price of"}, rows, func(i int) bool { return i == 4 || i == 5 }); err != nil {
		return err
	}
	if err := throttled(&b, throttles); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shownThrottles is how many changes of each provider are shown; the others are
// counted.
const shownThrottles = 12

// throttled shows the last changes of what each provider could be sent.
func throttled(b *strings.Builder, throttles []eval.Throttle) error {
	of := make(map[string]int)
	for _, t := range throttles {
		of[t.Provider]++
	}
	seen := make(map[string]int)
	var rows [][]string
	hidden := 0
	for _, t := range throttles {
		if seen[t.Provider]++; seen[t.Provider] <= of[t.Provider]-shownThrottles {
			hidden++
			continue
		}
		row := []string{t.At.UTC().Format("15:04:05.000"), name(t.Provider), string(t.Cause), strconv.Itoa(t.Calls), unknown, unknown}
		if t.PerMinute != nil {
			row[4] = strconv.FormatFloat(*t.PerMinute, 'f', 1, 64)
		}
		if t.Wait > 0 {
			row[5] = t.Wait.Round(time.Millisecond).String()
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	b.WriteByte('\n')
	if err := plain(b, []string{"at", "provider", "limits", "calls at once", "a minute", "wait"}, rows, func(i int) bool { return i >= 3 }); err != nil {
		return err
	}
	if hidden > 0 {
		fmt.Fprintf(b, "%s before these; --json has all\n", plural(hidden, "change"))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func perMillion(p *eval.Price) string {
	if p == nil {
		return unknown
	}
	return eval.Money(int64(*p) * int64(eval.MicroUSD)).String()
}

func params(c *eval.Candidate) string {
	if c.Policy != nil {
		return name("default " + c.Policy.Default + ", backup " + c.Policy.Backup)
	}
	if len(c.Params) == 0 {
		return ""
	}
	b, err := json.Marshal(c.Params)
	if err != nil {
		return unknown
	}
	return name(string(b))
}
