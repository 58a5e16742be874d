package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"infer/eval"
	"infer/report"
)

// RecommendationFormats lists the formats of a recommendation.
func RecommendationFormats() []string {
	return []string{string(Table), string(Markdown), string(JSON), string(Outputs)}
}

// Outputs is the form that a CI job's outputs take: default= and backup=, each with
// a JSON object from task type to candidate, decided types only.
const Outputs Format = "outputs"

// Recommendation writes a recommendation as a text that can be signed, as
// Markdown, or as JSON.
func Recommendation(w io.Writer, r *eval.Recommendation, f Format, o Options) error {
	var b strings.Builder
	switch f {
	case Table:
		if err := recommendationText(&b, r, o); err != nil {
			return err
		}
	case Markdown:
		recommendationMarkdown(&b, r)
	case JSON:
		return Indented(w, r)
	case Outputs:
		return outputs(w, r)
	default:
		return eval.Invalid(fmt.Errorf("unknown format %q", f), "the formats are "+strings.Join(RecommendationFormats(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// outputs writes the decided defaults and backups, each on one line.
func outputs(w io.Writer, r *eval.Recommendation) error {
	defaults, backups := make(map[string]string), make(map[string]string)
	for i := range r.Types {
		d := &r.Types[i]
		if d.Verdict != eval.Selected && d.Verdict != eval.SelectedTie {
			continue
		}
		defaults[d.TaskType] = d.Default
		if d.Backup != nil {
			backups[d.TaskType] = d.Backup.Candidate
		}
	}
	for _, o := range []struct {
		name   string
		values map[string]string
	}{{"default", defaults}, {"backup", backups}} {
		b, err := json.Marshal(o.values)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		if _, err := fmt.Fprintf(w, "%s=%s\n", o.name, eval.EscapeJSON(b)); err != nil {
			return err
		}
	}
	return nil
}

// evidenceOf is what was seen of a candidate; nil = nothing.
func evidenceOf(d *eval.TypeDecision, candidate string) *eval.CandidateEvidence {
	for i := range d.Candidates {
		if d.Candidates[i].Candidate == candidate {
			return &d.Candidates[i]
		}
	}
	return nil
}

func decided(d *eval.TypeDecision) bool {
	return d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie
}

// short says a verdict in a word or two.
func short(d *eval.TypeDecision) string {
	switch d.Verdict {
	case eval.Selected:
		return "selected"
	case eval.SelectedTie:
		return "tie, incumbent stays"
	case eval.NoneEligible:
		return "none eligible"
	}
	if d.More != nil && d.More.Tasks > 0 {
		return fmt.Sprintf("undecided, ~%d more", d.More.Tasks)
	}
	return "undecided"
}

// decisionHead and decisionRow are the table of decisions.
var decisionHead = []string{"task type", "class", "tasks", "default", "accepted", "95% interval", "cost/accepted", "backup", "both fail", "verdict"}

func decisionRow(d *eval.TypeDecision) []string {
	accepted, interval, cost, backup, both := unknown, unknown, unknown, unknown, unknown
	if e := evidenceOf(d, d.Default); e != nil {
		if a := e.Acceptance; a != nil {
			accepted, interval = report.Percent(a.Point), shares(a)
		}
		cost = figureCost(e.Cost)
	}
	if b := d.Backup; b != nil {
		backup, both = name(b.Candidate), report.Percent(b.BothFail)
	}
	def := name(d.Default)
	if d.Verdict == eval.InsufficientEvidence && d.Default != "" {
		def = "(" + def + ")"
	}
	return []string{name(d.TaskType), string(d.Class), count(d.Tasks), def, accepted, interval, cost, backup, both, short(d)}
}

// shares writes the interval of a share, such as "81.2–92.4".
func shares(f *eval.Figure) string {
	if f == nil || f.Lo == nil || f.Hi == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f–%.1f", *f.Lo*100, *f.Hi*100)
}

// figureCost writes a cost of an accepted task.
func figureCost(f *eval.Figure) string {
	switch {
	case f == nil:
		return unknown
	case f.Point != nil:
		return report.Dollars(*f.Point)
	case f.Lo != nil && f.Hi != nil:
		return report.Dollars(*f.Lo) + "–" + report.Dollars(*f.Hi)[1:]
	case f.Lo != nil:
		return "≥" + report.Dollars(*f.Lo)
	}
	return unknown
}

func recommendationText(b *strings.Builder, r *eval.Recommendation, o Options) error {
	fmt.Fprintf(b, "run %s · %s · %d tasks · evidence of %s", r.Run, name(r.Dataset.Name), r.Dataset.Tasks, r.EvidenceAt.UTC().Format("2006-01-02"))
	if r.Rule.Incumbent != "" {
		fmt.Fprintf(b, " · incumbent %s", name(r.Rule.Incumbent))
	}
	b.WriteString("\n\n")
	rows := make([][]string, len(r.Types))
	for i := range r.Types {
		rows[i] = decisionRow(&r.Types[i])
	}
	keep := []int{0, 4, 5, 0, 0, 3, 0, 0, 2, 0} // higher ones go first where the terminal is narrow
	if err := fitted(b, decisionHead, rows, []bool{2: true, 4: true, 5: true, 6: true, 8: true, 9: false}, keep, o.Width); err != nil {
		return err
	}
	for i := range r.Types {
		d := &r.Types[i]
		fmt.Fprintf(b, "\n%s\n", name(d.TaskType))
		for _, line := range decisionLines(d) {
			wrapped(b, line[0], line[1], o.Width)
		}
	}
	if err := comparisons(b, r, o); err != nil {
		return err
	}
	b.WriteString("\n")
	for _, s := range closing(r) {
		wrapped(b, "", s, o.Width)
	}
	for _, warning := range r.Warnings {
		wrapped(b, "!", warning, o.Width)
	}
	return nil
}

// decisionLines are the sentences of one decision, each under its heading.
func decisionLines(d *eval.TypeDecision) [][2]string {
	var out [][2]string
	add := func(head, text string) {
		if text != "" {
			out = append(out, [2]string{head, text})
		}
	}
	for i, s := range d.Reasons {
		add([]string{"why", "and"}[min(i, 1)], s)
	}
	if !decided(d) {
		if d.More != nil {
			add("more", d.More.Hint)
		}
		add("honest", honestLine(d))
		return out
	}
	switch {
	case d.Backup != nil && d.Confirm:
		add("backup", name(d.Backup.Candidate)+", only after a person has agreed: "+d.Backup.Reason)
	case d.Backup != nil:
		add("backup", name(d.Backup.Candidate)+": "+d.Backup.Reason)
	default:
		add("backup", d.NoBackup)
	}
	for _, a := range d.Downgrade {
		add("downgrade", name(a.Candidate)+" "+a.Rule)
	}
	for _, a := range d.Escalate {
		add("escalate", name(a.Candidate)+" "+a.Rule)
	}
	add("retry", d.Retry)
	add("review", d.Review)
	add("rollback", d.Rollback)
	add("honest", honestLine(d))
	for i := range d.Candidates {
		if e := &d.Candidates[i]; e.WhyNot != "" && e.Candidate != d.Default {
			add("not", name(e.Candidate)+": "+e.WhyNot)
		}
	}
	return out
}

// honestLine says how far the choice rests on luck.
func honestLine(d *eval.TypeDecision) string {
	var parts []string
	if h := d.Honest; h != nil {
		s := fmt.Sprintf("on tasks that did not choose it: %s accepted", report.Percent(&h.Acceptance))
		if h.CostUSD != nil {
			s += fmt.Sprintf(", %s an accepted task", report.Dollars(*h.CostUSD))
		}
		parts = append(parts, s)
	}
	if d.SameChoice != nil {
		parts = append(parts, fmt.Sprintf("%.0f%% of resamples choose the same", 100**d.SameChoice))
	}
	if d.RegretUSD != nil {
		parts = append(parts, fmt.Sprintf("a wrong choice is expected to lose %s a month at %d tasks", report.Dollars(*d.RegretUSD), d.Volume))
	}
	return strings.Join(parts, "; ")
}

// comparisons writes what the table of defaults is worth beside simpler choices,
// and the policies that were searched.
func comparisons(b *strings.Builder, r *eval.Recommendation, o Options) error {
	if s := r.Static; s != nil && len(r.Types) > 1 {
		b.WriteString("\nall task types\n")
		if err := policyTable(b, []eval.PolicyValue{s.Table, s.BestSingle, s.Oracle}, o); err != nil {
			return err
		}
	}
	if len(r.Policies) > 0 {
		b.WriteString("\npolicies, replayed from stored outcomes\n")
		if err := policyTable(b, r.Policies, o); err != nil {
			return err
		}
	}
	return nil
}

func closing(r *eval.Recommendation) []string {
	var out []string
	selected := 0
	for i := range r.Types {
		if decided(&r.Types[i]) {
			selected++
		}
	}
	if selected > 0 {
		out = append(out, fmt.Sprintf("%d of %d task types decided; at most %.2f of the decisions are expected to be wrong by more than the margin.", selected, len(r.Types), r.ExpectedWrong))
	} else {
		out = append(out, fmt.Sprintf("None of %d task types could be decided.", len(r.Types)))
	}
	if r.PricesAsOf != "" {
		out = append(out, "Prices as of "+r.PricesAsOf+" or later. The figures hold for tasks like the recorded ones.")
	}
	return out
}

// wrapped writes a text beside a heading, in a column of its own; without one, at
// the margin.
func wrapped(b *strings.Builder, head, text string, width int) {
	if width <= 0 {
		width = plainWidth
	}
	first, pad := "", "" // continued lines begin with pad
	switch head {
	case "":
	case "!":
		first, pad = "! ", "  "
	default:
		pad = strings.Repeat(" ", 13)
		first = fmt.Sprintf("  %-11s", head)
	}
	line := first
	for i, word := range strings.Fields(eval.Untrusted(text).Line(0)) {
		space := " "
		if i == 0 || line == pad {
			space = ""
		}
		if i > 0 && ansi.StringWidth(line)+1+ansi.StringWidth(word) > max(width, 40) {
			b.WriteString(line + "\n")
			line, space, word = pad, "", harmless(word)
		}
		line += space + word
	}
	b.WriteString(line + "\n")
}

// plainWidth is how wide a text is where nothing says.
const plainWidth = 120

func recommendationMarkdown(b *strings.Builder, r *eval.Recommendation) {
	fmt.Fprintf(b, "### infer · recommendation from run `%s` · %s\n\n", r.Run, Escape(r.Dataset.Name))
	rows := make([][]string, len(r.Types))
	for i := range r.Types {
		rows[i] = decisionRow(&r.Types[i])
	}
	mdTable(b, decisionHead, rows)
	for i := range r.Types {
		d := &r.Types[i]
		fmt.Fprintf(b, "\n#### %s\n\n", Escape(d.TaskType))
		for _, line := range decisionLines(d) {
			fmt.Fprintf(b, "- **%s**: %s\n", Escape(line[0]), Escape(line[1]))
		}
	}
	if s := r.Static; s != nil && len(r.Types) > 1 {
		b.WriteString("\n#### All task types\n\n")
		mdTable(b, policyHead, policyRows([]eval.PolicyValue{s.Table, s.BestSingle, s.Oracle}))
	}
	if len(r.Policies) > 0 {
		b.WriteString("\n#### Policies, replayed from stored outcomes\n\n")
		mdTable(b, policyHead, policyRows(r.Policies))
	}
	b.WriteString("\n")
	for _, s := range closing(r) {
		fmt.Fprintf(b, "%s\n", Escape(s))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(b, "\n> ⚠ %s\n", Escape(warning))
	}
}
