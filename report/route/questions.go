package route

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"infer/eval"
	"infer/report"
)

// name makes a name from outside fit for a sentence.
func name(s string) string { return eval.Untrusted(s).Line(60) }

func percentOf(v *float64) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}

func share(n, of int64) string {
	if of == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// dollars writes an amount with three significant digits, or cents above a dollar.
func dollars(v float64) string {
	if v == 0 || math.Abs(v) >= 1 {
		return "$" + strconv.FormatFloat(v, 'f', 2, 64)
	}
	return "$" + strconv.FormatFloat(v, 'f', min(12, int(2-math.Floor(math.Log10(math.Abs(v))))), 64)
}

func millisText(v *float64) string {
	switch {
	case v == nil:
		return "unknown"
	case *v >= 10_000:
		return fmt.Sprintf("%.0f s", *v/1000)
	case *v >= 1000:
		return fmt.Sprintf("%.1f s", *v/1000)
	}
	return fmt.Sprintf("%.0f ms", *v)
}

// evalCommand is the command that adds evidence.
func (in *ChecklistInput) evalCommand(more string) string {
	path := in.Path
	if path == "" {
		path = in.Run.Dataset.Path
	}
	if path == "" || strings.ContainsAny(path, " \t'\"$`\\") || eval.Untrusted(path).Line(0) != path {
		path = "PATH"
	}
	return strings.TrimSpace("infer eval " + path + " " + more)
}

func (in *ChecklistInput) defaultModel() Question {
	q := Question{Key: "default_model", Title: "Default model", Asks: "Which model answers each kind of task by default, and on what evidence?"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	q.Command = in.evalCommand("")
	none := 0
	for i := range in.types() {
		d := &in.types()[i]
		if d.Default == "" {
			none++
			q.Missing = append(q.Missing, fmt.Sprintf("%s: no default%s", name(d.TaskType), moreTasks(d)))
			continue
		}
		line := fmt.Sprintf("%s: %s", name(d.TaskType), name(d.Default))
		for k := range d.Candidates {
			if e := &d.Candidates[k]; e.Candidate == d.Default && e.Acceptance != nil {
				line += fmt.Sprintf(", accepted %s (95 %% CI %s to %s, %d tasks)", percentOf(e.Acceptance.Point), percentOf(e.Acceptance.Lo), percentOf(e.Acceptance.Hi), e.Clusters)
			}
		}
		if !selected(d) {
			line += "; not decided, the incumbent stays"
			q.Missing = append(q.Missing, fmt.Sprintf("%s: undecided%s", name(d.TaskType), moreTasks(d)))
		}
		q.Answer = append(q.Answer, line)
	}
	if none == len(in.types()) {
		q.State = Open
	}
	return q
}

func moreTasks(d *eval.TypeDecision) string {
	if d.More == nil || d.More.Tasks <= 0 {
		return ""
	}
	s := fmt.Sprintf(", about %d more tasks would settle it", d.More.Tasks)
	if d.More.CostUSD != nil {
		s += " at about " + dollars(*d.More.CostUSD)
	}
	return s
}

func (in *ChecklistInput) backupModel() Question {
	q := Question{Key: "backup_model", Title: "Backup model", Asks: "Which model takes over when the default fails, and does it do better where the default does badly?"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	q.Command = in.evalCommand("-m OTHER_PROVIDER/MODEL")
	var missing grouped
	for i := range in.types() {
		d := &in.types()[i]
		if d.Backup == nil {
			missing.add(or(d.NoBackup, "no backup"), d.TaskType)
			continue
		}
		if d.Backup.Rescue == nil {
			missing.add(fmt.Sprintf("the default failed too few tasks (%d) to say what %s does with them", d.Backup.Failures, name(d.Backup.Candidate)), d.TaskType)
		}
		line := fmt.Sprintf("%s: %s, %s", name(d.TaskType), name(d.Backup.Candidate), eval.Untrusted(d.Backup.Reason).Line(300))
		if d.Confirm {
			line += "; a person must agree first"
		}
		q.Answer = append(q.Answer, line)
	}
	q.Missing = missing.lines(len(in.types()))
	if len(q.Answer) == 0 {
		q.State = Open
	}
	return q
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return eval.Untrusted(s).Line(300)
}

func (in *ChecklistInput) classification() Question {
	q := Question{Key: "task_classification", Title: "Task classification", Asks: "How is a request assigned to a kind of task, and what does each kind risk?", Command: "infer config"}
	var total, untyped int64
	seen := make(map[string]bool)
	for i := range in.Report.Cells {
		c := &in.Report.Cells[i]
		if c.TaskType == report.Overall || seen[c.TaskType] {
			continue
		}
		seen[c.TaskType] = true
		total += c.N
		if c.TaskType == eval.DefaultTaskType {
			untyped = c.N
		}
		k := slices.IndexFunc(in.Run.TaskTypes, func(t eval.TaskType) bool { return t.Name == c.TaskType })
		if k < 0 {
			q.Answer = append(q.Answer, fmt.Sprintf("%s: no class is set, so it counts as low_risk", name(c.TaskType)))
			q.Missing = append(q.Missing, fmt.Sprintf("%s: give it a class under task_types in infer.yaml", name(c.TaskType)))
			continue
		}
		t := &in.Run.TaskTypes[k]
		line := fmt.Sprintf("%s: %s", name(t.Name), t.Class)
		if t.Confirm {
			line += ", never falls back without a person's word"
		}
		q.Answer = append(q.Answer, line)
	}
	if untyped > 0 {
		q.Missing = append(q.Missing, fmt.Sprintf("%s of the tasks have no task_type: name one on each dataset line", share(untyped, total)))
	}
	q.Answer = append(q.Answer, "in production the caller names the type: the exported file says how (alias, header or metadata)")
	if total == 0 || untyped == total {
		q.State = Open
	}
	return q
}

func (in *ChecklistInput) costTracking() Question {
	q := Question{Key: "cost_tracking", Title: "Cost tracking", Asks: "Is the cost of an accepted task known, with retries, fallbacks, failed calls and repairs in it?", Command: "infer prices list"}
	known := 0
	for i := range in.Report.Run.Candidates {
		c := &in.Report.Run.Candidates[i]
		cell := in.cell(report.Overall, c.Name)
		if cell == nil {
			continue
		}
		switch {
		case c.Price == nil && in.Run.Candidates[i].Policy == nil:
			q.Missing = append(q.Missing, fmt.Sprintf("%s: no price is known", name(c.Name)))
			continue
		case c.Price != nil && c.Price.Example:
			q.Missing = append(q.Missing, fmt.Sprintf("%s: its price is an invented example", name(c.Name)))
		}
		known++
		line := fmt.Sprintf("%s: %s", name(c.Name), costText(&cell.CostPerAccepted))
		if !cell.Cost.Known {
			line += "; its cost is a range, some calls failed and may have been billed"
			q.Missing = append(q.Missing, fmt.Sprintf("%s: its cost is not exactly known", name(c.Name)))
		}
		if c.Price != nil {
			line += fmt.Sprintf(" (price of %s, %s)", name(c.Price.AsOf), eval.Untrusted(c.Price.Source).Line(80))
		}
		q.Answer = append(q.Answer, line)
	}
	if known == 0 {
		q.State = Open
	}
	return q
}

func costText(c *report.CostPer) string {
	switch {
	case c.Point != nil && c.Lo != nil && c.Hi != nil:
		return fmt.Sprintf("%s an accepted task (95 %% CI %s to %s)", dollars(*c.Point), dollars(*c.Lo), dollars(*c.Hi))
	case c.Point != nil && c.Lo != nil:
		return fmt.Sprintf("%s an accepted task (at least %s, without upper bound)", dollars(*c.Point), dollars(*c.Lo))
	case c.Lo != nil:
		return fmt.Sprintf("at least %s an accepted task", dollars(*c.Lo))
	}
	return "unknown for an accepted task"
}

func (in *ChecklistInput) failureTracking() Question {
	q := Question{Key: "failure_tracking", Title: "Failure tracking", Asks: "Is every failure recorded with whose fault it was?", Command: in.evalCommand("--repeats 3")}
	var trials, attempts, errored, unknown int64
	faults := make(map[string]int64)
	for i := range in.Report.Cells {
		c := &in.Report.Cells[i]
		if c.TaskType != report.Overall {
			continue
		}
		trials, attempts, errored = trials+c.N, attempts+c.Attempts, errored+c.Errored
		unknown += c.Errors[eval.ClassUnknown]
		for f, n := range c.Faults {
			faults[f] += n
		}
	}
	if in.Run.Imported {
		q.State = Open
		q.Missing = []string{"an imported run has no attempts: failures are what the log called them"}
		return q
	}
	if attempts == 0 {
		q.State = Open
		q.Missing = []string{"no call was made"}
		return q
	}
	q.Answer = append(q.Answer, fmt.Sprintf("%d calls for %d trials are stored one by one; %d trials ended in an error", attempts, trials, errored))
	for _, f := range sortedNames(faults) {
		q.Answer = append(q.Answer, fmt.Sprintf("%s: %d trials", f, faults[f]))
	}
	if errored == 0 {
		// The rule of three: with no failure in n trials, the 95 % upper bound is about 3/n.
		q.Missing = append(q.Missing, fmt.Sprintf("no trial failed, so failures were not seen: below %.1f %% with 95 %% confidence (rule of three)", 300/float64(trials)))
	}
	if unknown > 0 {
		q.Missing = append(q.Missing, fmt.Sprintf("%d errors are of no known class", unknown))
	}
	return q
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
