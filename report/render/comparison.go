package render

import (
	"fmt"
	"io"
	"strings"

	"infer/eval"
	"infer/report"
)

// ComparisonFormats lists the formats of a comparison.
func ComparisonFormats() []string { return []string{string(Table), string(Markdown), string(JSON)} }

// shownFlips is how many tasks of each side a text names.
const shownFlips = 10

// Comparison writes a comparison as text, Markdown or JSON, which names every task
// that flipped.
func Comparison(w io.Writer, c *eval.ComparisonTable, f Format, o Options) error {
	var b strings.Builder
	switch f {
	case Table:
		if err := comparisonText(&b, c, o); err != nil {
			return err
		}
	case Markdown:
		comparisonMarkdown(&b, c)
	case JSON:
		return Indented(w, c)
	default:
		return eval.Invalid(fmt.Errorf("unknown format %q", f), "the formats are "+strings.Join(ComparisonFormats(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var comparisonHead = []string{"task type", "A", "B", "tasks", "A accepted", "B accepted", "A − B", "95% interval", "McNemar p", "Holm p", "only A", "only B", "cost A ÷ B", "slow A", "slow B"}

func comparisonRows(c *eval.ComparisonTable) [][]string {
	var rows [][]string
	for i := range c.Types {
		t := &c.Types[i]
		for k := range t.Pairs {
			p := &t.Pairs[k]
			ratio, slowA, slowB := unknown, unknown, unknown
			if r := p.CostRatio; r != nil && r.Point != nil {
				ratio = fmt.Sprintf("%.2f", *r.Point)
				if r.Lo != nil && r.Hi != nil {
					ratio += fmt.Sprintf(" (%.2f–%.2f)", *r.Lo, *r.Hi)
				}
			}
			if p.SlowA != nil && p.SlowB != nil {
				slowA, slowB = count(*p.SlowA), count(*p.SlowB)
			}
			kind := name(t.TaskType)
			if t.TaskType == "*" {
				kind = "all"
			}
			rows = append(rows, []string{kind, name(p.A), name(p.B), count(p.Pairs), acceptedPoint(p.AcceptedA), acceptedPoint(p.AcceptedB), fmt.Sprintf("%+.1f", 100*p.Difference),
				fmt.Sprintf("%+.1f to %+.1f", 100*p.Lo, 100*p.Hi), fmt.Sprintf("%.3f", p.McNemarP), fmt.Sprintf("%.3f", p.HolmP), count(p.OnlyThis), count(p.OnlyRival), ratio, slowA, slowB})
		}
	}
	return rows
}

func acceptedPoint(f *eval.Figure) string {
	if f == nil {
		return unknown
	}
	return report.Percent(f.Point)
}

func comparisonText(b *strings.Builder, c *eval.ComparisonTable, o Options) error {
	head, rows := dropEmpty(comparisonHead, comparisonRows(c))
	if len(c.Arms) == 2 { // the columns A and B would say the same in every row
		fmt.Fprintf(b, "A %s · B %s\n\n", eval.Untrusted(c.Arms[0]).Line(maxName), eval.Untrusted(c.Arms[1]).Line(maxName))
		keep := []int{0}
		for i := 3; i < len(head); i++ {
			keep = append(keep, i)
		}
		head, rows = pick(head, keep), pickAll(rows, keep)
	}
	right, keep := make([]bool, len(head)), make([]int, len(head))
	for i, h := range head {
		right[i] = h != "task type" && h != "A" && h != "B"
		keep[i] = map[string]int{"slow A": 3, "slow B": 3, "Holm p": 6, "McNemar p": 7, "only A": 4, "only B": 4, "tasks": 5, "cost A ÷ B": 2}[h]
	}
	if err := fitted(b, head, rows, right, keep, o.Width); err != nil {
		return err
	}
	for i := range c.Types {
		t := &c.Types[i]
		b.WriteString("\n")
		for k := range t.Pairs {
			p := &t.Pairs[k]
			kind := name(t.TaskType)
			if t.TaskType == "*" {
				kind = "all task types"
			}
			wrapped(b, "", kind+": "+p.Sentence+".", o.Width)
			if t.TaskType == "*" && len(c.Types) > 1 {
				continue // the tasks are named under their own types
			}
			flipLine(b, p.A, p.FlipsA, o)
			flipLine(b, p.B, p.FlipsB, o)
		}
	}
	for _, warning := range c.Warnings {
		wrapped(b, "!", warning, o.Width)
	}
	return nil
}

func flipLine(b *strings.Builder, who string, ids []string, o Options) {
	if len(ids) == 0 {
		return
	}
	wrapped(b, "only", fmt.Sprintf("%s (%d): %s", name(who), len(ids), flipList(ids)), o.Width)
}

func flipList(ids []string) string {
	shown := make([]string, 0, shownFlips)
	for _, id := range ids[:min(len(ids), shownFlips)] {
		shown = append(shown, eval.Untrusted(id).Line(60))
	}
	s := strings.Join(shown, ", ")
	if n := len(ids) - len(shown); n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

func comparisonMarkdown(b *strings.Builder, c *eval.ComparisonTable) {
	b.WriteString("### infer · comparison\n\n")
	mdTable(b, comparisonHead, comparisonRows(c))
	for i := range c.Types {
		t := &c.Types[i]
		b.WriteString("\n")
		for k := range t.Pairs {
			p := &t.Pairs[k]
			kind := Escape(t.TaskType)
			if t.TaskType == "*" {
				kind = "all task types"
			}
			fmt.Fprintf(b, "- **%s**: %s\n", kind, Escape(p.Sentence))
			for _, side := range []struct {
				who string
				ids []string
			}{{p.A, p.FlipsA}, {p.B, p.FlipsB}} {
				if len(side.ids) > 0 && (t.TaskType != "*" || len(c.Types) == 1) {
					fmt.Fprintf(b, "  - only %s (%d): %s\n", Escape(side.who), len(side.ids), Escape(flipList(side.ids)))
				}
			}
		}
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(b, "\n> ⚠ %s\n", Escape(warning))
	}
}
