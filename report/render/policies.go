package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"infer/eval"
	"infer/report"
)

var policyHead = []string{"policy", "accepted", "95% interval", "cost/accepted", "calls/task", "p95", "honest", "notes"}

func policyRows(values []eval.PolicyValue) [][]string {
	rows := make([][]string, len(values))
	for i := range values {
		v := &values[i]
		accepted, honest := unknown, unknown
		if v.Acceptance != nil {
			accepted = report.Percent(v.Acceptance.Point)
		}
		if v.Honest != nil {
			honest = report.Percent(&v.Honest.Acceptance)
			if v.Honest.CostUSD != nil {
				honest += " " + report.Dollars(*v.Honest.CostUSD)
			}
		}
		var p95 *float64
		if v.LatencyP95 != nil {
			ms := float64(*v.LatencyP95) / 1000
			p95 = &ms
		}
		notes := eval.Untrusted(v.Notes).Line(200)
		if v.Extrapolated {
			notes = strings.TrimSuffix("extrapolated; "+notes, "; ")
		}
		rows[i] = []string{eval.Untrusted(v.Name).Line(70), accepted, shares(v.Acceptance), figureCost(v.Cost), fmt.Sprintf("%.2f", v.CallsPer), report.Millis(p95), honest, notes}
	}
	return rows
}

// policyTable writes policies, without columns that say nothing.
func policyTable(b *strings.Builder, values []eval.PolicyValue, o Options) error {
	head, rows := dropEmpty(policyHead, policyRows(values))
	right := make([]bool, len(head))
	keep := make([]int, len(head))
	for i, h := range head {
		right[i] = h != "policy" && h != "notes"
		keep[i] = map[string]int{"95% interval": 3, "calls/task": 4, "p95": 2, "honest": 5, "notes": 6}[h]
	}
	return fitted(b, head, rows, right, keep, o.Width)
}

// dropEmpty leaves out columns of which no cell says anything.
func dropEmpty(head []string, rows [][]string) ([]string, [][]string) {
	var keep []int
	for c := range head {
		for _, row := range rows {
			if row[c] != "" && row[c] != unknown {
				keep = append(keep, c)
				break
			}
		}
	}
	return pick(head, keep), pickAll(rows, keep)
}

func pick(row []string, keep []int) []string {
	out := make([]string, len(keep))
	for i, c := range keep {
		out[i] = row[c]
	}
	return out
}

func pickAll(rows [][]string, keep []int) [][]string {
	out := make([][]string, len(rows))
	for i := range rows {
		out[i] = pick(rows[i], keep)
	}
	return out
}

// fitted writes a table that fits the width: where it does not, columns are
// dropped, the one with the highest keep first; those with 0 stay.
func fitted(b *strings.Builder, head []string, rows [][]string, right []bool, keep []int, width int) error {
	cols := make([]int, len(head))
	for i := range cols {
		cols[i] = i
	}
	for width > 0 && tableWidth(head, rows, cols) > width {
		worst := -1
		for i, c := range cols {
			if keep[c] > 0 && (worst < 0 || keep[c] >= keep[cols[worst]]) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		cols = append(cols[:worst:worst], cols[worst+1:]...)
	}
	numbers := make(map[int]bool)
	for i, c := range cols {
		numbers[i] = right[c]
	}
	return Plain(b, pick(head, cols), pickAll(rows, cols), numbers)
}

// tableWidth is how many columns of a terminal a table takes: each cell with a
// space on either side.
func tableWidth(head []string, rows [][]string, cols []int) int {
	total := 0
	for _, c := range cols {
		w := ansi.StringWidth(head[c])
		for _, row := range rows {
			w = max(w, ansi.StringWidth(row[c]))
		}
		total += w + 2
	}
	return total
}

func mdTable(b *strings.Builder, head []string, rows [][]string) {
	head, rows = dropEmpty(head, rows)
	b.WriteString("| " + strings.Join(head, " | ") + " |\n" + strings.Repeat("|---", len(head)) + "|\n")
	for _, row := range rows {
		cells := make([]string, len(row))
		for i := range row {
			cells[i] = Escape(row[i])
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
}

// PolicySchema names the version of the JSON form of PolicyList.
const PolicySchema = "infer.policies/1"

// PolicyList is what replayed policies achieve on a run.
type PolicyList struct {
	Schema   string             `json:"schema"`
	Run      string             `json:"run"`
	Policies []eval.PolicyValue `json:"policies"`
}

// PolicyFormats lists the formats of policies.
func PolicyFormats() []string { return []string{string(Table), string(Markdown), string(JSON)} }

// Policies writes replayed policies as a table, Markdown or JSON.
func Policies(w io.Writer, l *PolicyList, f Format, o Options) error {
	var b strings.Builder
	switch f {
	case Table:
		fmt.Fprintf(&b, "run %s · replayed from stored outcomes, no call was made\n\n", l.Run)
		if err := policyTable(&b, l.Policies, o); err != nil {
			return err
		}
	case Markdown:
		fmt.Fprintf(&b, "### infer · policies on run `%s`, replayed from stored outcomes\n\n", l.Run)
		mdTable(&b, policyHead, policyRows(l.Policies))
	case JSON:
		return Indented(w, l)
	default:
		return eval.Invalid(fmt.Errorf("unknown format %q", f), "the formats are "+strings.Join(PolicyFormats(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
