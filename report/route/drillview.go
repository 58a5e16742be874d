package route

import (
	"fmt"
	"io"
	"strings"

	"infer/eval"
)

// DrillRow is one line of a drill's table: a case, and the task types on which it
// came out alike.
type DrillRow struct {
	Case    DrillCase // of the first of them
	Types   []string
	Seconds [2]float64 // shortest and longest
}

// Rows groups the cases of a drill, in the order of Cases.
func (d *Drill) Rows() []DrillRow {
	var out []DrillRow
	for _, c := range Cases() {
		for i := range d.Cases {
			if d.Cases[i].Case == c.Name {
				out = addRow(out, &d.Cases[i])
			}
		}
	}
	return out
}

func addRow(rows []DrillRow, k *DrillCase) []DrillRow {
	for i := range rows {
		if rows[i].Case.Case == k.Case && rows[i].key() == (&DrillRow{Case: *k}).key() {
			rows[i].Types = append(rows[i].Types, k.TaskType)
			rows[i].Seconds = [2]float64{min(rows[i].Seconds[0], k.Observed.Seconds), max(rows[i].Seconds[1], k.Observed.Seconds)}
			return rows
		}
	}
	return append(rows, DrillRow{Case: *k, Types: []string{k.TaskType}, Seconds: [2]float64{k.Observed.Seconds, k.Observed.Seconds}})
}

func (r *DrillRow) key() string {
	k := &r.Case
	return fmt.Sprint(k.Case, k.Expected, k.Observed.Calls, k.Observed.Outcome, k.Observed.Status, k.Verdict, k.Lost, k.Broken, k.Observed.Reason != "", k.same())
}

// same says what every upstream was asked alike.
func (k *DrillCase) same() string {
	o := &k.Observed
	if o.SamePrompt && o.SameTools && o.SameParams {
		if o.RewroteTools {
			return "alike"
		}
		return "yes"
	}
	var out []string
	for _, s := range []struct {
		same bool
		what string
	}{{o.SamePrompt, "prompt"}, {o.SameTools, "tools"}, {o.SameParams, "parameters"}} {
		if !s.same {
			out = append(out, s.what)
		}
	}
	return "not the " + strings.Join(out, ", ")
}

// DrillColumns are the heads of a drill's table.
func DrillColumns() []string {
	return []string{"failure", "task types", "rule: A B, left with", "seen: A B, left with", "verdict", "s", "same request", "reason told"}
}

// Cells are the row's cells, sanitised. types is how many task types were drilled.
func (r *DrillRow) Cells(types int) []string {
	k := &r.Case
	status := ""
	if k.Observed.Status != 0 && k.Observed.Status != 200 {
		status = fmt.Sprintf(" %d", k.Observed.Status)
	}
	seconds := fmt.Sprintf("%.1f", r.Seconds[0])
	if far := fmt.Sprintf("%.1f", r.Seconds[1]); far != seconds {
		seconds += "–" + far
	}
	told := ""
	switch k.Observed.Outcome {
	case FromBackup, FromContext, Asked:
		told = "no"
		if k.Observed.Reason != "" {
			told = "yes"
		}
	default: // nothing to tell
	}
	return []string{k.Words, r.types(types), k.Expected.Calls.short() + " " + string(k.Expected.Outcome),
		k.Observed.Calls.short() + " " + string(k.Observed.Outcome) + status, k.verdict(), seconds, k.same(), told}
}

// short writes the calls of A and B, and those of C and others where there are any.
func (c Calls) short() string {
	s := fmt.Sprintf("%d %d", c.A, c.B)
	if c.C > 0 {
		s += fmt.Sprintf(" C%d", c.C)
	}
	if c.Stray > 0 {
		s += fmt.Sprintf(" stray%d", c.Stray)
	}
	return s
}

func (k *DrillCase) verdict() string {
	s := strings.ReplaceAll(string(k.Verdict), "_", " ")
	switch {
	case k.Broken:
		return "BROKEN: " + s
	case len(k.Lost) > 0:
		codes := make([]string, len(k.Lost))
		for i, c := range k.Lost {
			codes[i] = string(c)
		}
		return s + ": " + strings.Join(codes, ", ")
	}
	return s
}

// types names the row's task types, "all" for all of several.
func (r *DrillRow) types(all int) string {
	if len(r.Types) == all && all > 1 {
		return "all"
	}
	names := make([]string, 0, 4)
	for i, n := range r.Types {
		if i == 3 && len(r.Types) > 4 {
			names = append(names, fmt.Sprintf("%d more", len(r.Types)-i))
			break
		}
		names = append(names, eval.Untrusted(n).Line(40))
	}
	return strings.Join(names, ", ")
}

// TaskTypes counts the task types that were drilled.
func (d *Drill) TaskTypes() int {
	seen := make(map[string]bool)
	for i := range d.Cases {
		seen[d.Cases[i].TaskType] = true
	}
	return len(seen)
}

// Title names what was drilled and how it came out.
func (d *Drill) Title() string {
	s := d.Engine
	if d.Version != "" {
		s += " " + eval.Untrusted(d.Version).Line(40)
	}
	return fmt.Sprintf("%s: %d cases as ruled, %d differ by a stated loss, %d broken", s, d.Ruled, d.Lossy, d.Broken)
}

// Markdown writes the report as GitHub-flavoured Markdown; escape makes a text
// inert in it.
func (r *DrillReport) Markdown(w io.Writer, escape func(string) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### infer drill · %s (%s)\n", escape(r.File), escape(r.Format))
	for i := range r.Drills {
		d := &r.Drills[i]
		fmt.Fprintf(&b, "\n#### %s\n\n| %s |\n|%s\n", escape(d.Title()), strings.Join(DrillColumns(), " | "), strings.Repeat("---|", len(DrillColumns())))
		for _, row := range d.Rows() {
			cells := row.Cells(d.TaskTypes())
			for c := range cells {
				cells[c] = escape(cells[c])
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
		for _, c := range d.Changes {
			fmt.Fprintf(&b, "\n> Changed for the drill: %s.\n", escape(c))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
