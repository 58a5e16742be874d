package render

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"infer/eval"
	"infer/report"
)

// column is one column of the table of cells.
type column struct {
	head  string
	right bool
	keep  int // 0 = always; higher ones are dropped first where the terminal is narrow
	value func(c *report.Cell) string
}

// maxName is how many columns of a name a table shows, minName how few it may
// show where the terminal is narrow.
const (
	maxName = 40
	minName = 12
)

// harmless keeps what stands first in a line, or behind white space alone, from
// being a command to a CI system.
func harmless(s string) string {
	if strings.HasPrefix(s, "::") || strings.HasPrefix(s, "##") {
		return "·" + s
	}
	return s
}

// name makes a name safe and short enough for a table, where it may stand first in
// a line.
func name(s string) string {
	s = strings.TrimSpace(eval.Untrusted(s).Line(8 * maxName))
	if s == "" {
		return unknown
	}
	return ansi.Truncate(harmless(s), maxName, "…")
}

// columns are the columns of a table of cells, without those that would say
// nothing: errors, unscored trials and retries that there are none of.
func columns(cells []report.Cell, withTypes bool) []column {
	var unscored, errored, retries, ttft, spread bool
	for i := range cells {
		c := &cells[i]
		unscored, errored, retries, ttft = unscored || c.Unscored > 0, errored || c.Errored > 0, retries || c.Retries > 0 && !c.Recorded, ttft || c.TTFT.P50 != nil
		spread = spread || report.PerAcceptedInterval(c.CostPerAccepted) != unknown
	}
	cols := []column{
		{head: "candidate", value: func(c *report.Cell) string { return name(c.Candidate) }},
		{head: "n", right: true, value: func(c *report.Cell) string { return count(c.N) }},
		{head: "accepted", right: true, keep: 3, value: func(c *report.Cell) string { return count(c.Accepted) }},
		{head: "rate", right: true, value: func(c *report.Cell) string { return report.Percent(c.Acceptance.Point) }},
		{head: "95% interval", right: true, value: func(c *report.Cell) string { return report.Interval(c.Acceptance) }},
	}
	add := func(there bool, c column) {
		if there {
			cols = append(cols, c)
		}
	}
	add(unscored, column{head: "unscored", right: true, keep: 5, value: func(c *report.Cell) string { return count(c.Unscored) }})
	add(errored, column{head: "errored", right: true, keep: 2, value: func(c *report.Cell) string { return count(c.Errored) }})
	add(retries, column{head: "retries", right: true, keep: 4, value: func(c *report.Cell) string { return report.Retried(c) }})
	add(true, column{head: "p50", right: true, keep: 4, value: func(c *report.Cell) string { return report.Millis(c.Latency.P50) }})
	add(true, column{head: "p95", right: true, keep: 1, value: func(c *report.Cell) string { return report.Millis(c.Latency.P95) }})
	add(ttft && !withTypes, column{head: "ttft p50", right: true, keep: 6, value: func(c *report.Cell) string { return report.Millis(c.TTFT.P50) }})
	add(ttft && !withTypes, column{head: "ttft p95", right: true, keep: 7, value: func(c *report.Cell) string { return report.Millis(c.TTFT.P95) }})
	add(!withTypes, column{head: "cost", right: true, keep: 2, value: func(c *report.Cell) string { return report.CostRange(c.Cost) }})
	add(true, column{head: "cost/accepted", right: true, value: func(c *report.Cell) string { return report.PerAccepted(c.CostPerAccepted) }})
	add(spread, column{head: "95% interval", right: true, keep: 6, value: func(c *report.Cell) string { return report.PerAcceptedInterval(c.CostPerAccepted) }})
	if withTypes {
		kind := column{head: "task type", value: func(c *report.Cell) string { return name(c.TaskType) }}
		cols = append([]column{kind}, cols...)
	}
	return cols
}

// table writes the report for a terminal.
func table(w io.Writer, r *report.Report, o Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s · %s · %s · %s", r.Run.ID, name(r.Run.Name), tasks(&r.Run), plural(r.Run.Called(), "candidate"))
	if r.Run.Repeats > 1 {
		fmt.Fprintf(&b, " · %d repeats", r.Run.Repeats)
	}
	fmt.Fprintf(&b, " · %s\n\n", r.Run.State)
	overall, byType := split(r.Cells)
	if err := grid(&b, overall, columns(overall, false), o); err != nil {
		return err
	}
	if len(typesOf(byType)) > 1 {
		b.WriteString("\nby task type, best first\n")
		if err := grid(&b, byType, columns(byType, true), o); err != nil {
			return err
		}
	}
	if err := steps(&b, overall, o); err != nil {
		return err
	}
	failures(&b, overall)
	gateLines(&b, r.Verdict.Gates, o.Width)
	legend(&b, r, o.Width)
	_, err := io.WriteString(w, b.String())
	return err
}

// split separates the overall cells from the others, best first.
func split(cells []report.Cell) (overall, byType []report.Cell) {
	for _, c := range cells {
		if c.TaskType == report.Overall {
			overall = append(overall, c)
		} else {
			byType = append(byType, c)
		}
	}
	for _, list := range [][]report.Cell{overall, byType} {
		sort.SliceStable(list, func(i, j int) bool {
			if list[i].TaskType != list[j].TaskType {
				return list[i].TaskType < list[j].TaskType
			}
			if list[i].Recorded != list[j].Recorded {
				return list[j].Recorded // on tasks and under conditions of its own
			}
			return value(list[i].Acceptance.Point) > value(list[j].Acceptance.Point)
		})
	}
	return overall, byType
}

func value(p *float64) float64 {
	if p == nil {
		return -1
	}
	return *p
}

func typesOf(cells []report.Cell) map[string]bool {
	kinds := make(map[string]bool)
	for i := range cells {
		kinds[cells[i].TaskType] = true
	}
	return kinds
}

// grid writes cells as a table that fits the width: where it does not, columns
// are dropped, the least important first, and then names are cut.
func grid(b *strings.Builder, cells []report.Cell, cols []column, o Options) error {
	for o.Width > 0 {
		worst := -1
		if width(cells, cols) > o.Width {
			for i := range cols {
				if cols[i].keep > 0 && (worst < 0 || cols[i].keep >= cols[worst].keep) {
					worst = i
				}
			}
		}
		if worst < 0 {
			break
		}
		cols = append(append([]column(nil), cols[:worst]...), cols[worst+1:]...)
	}
	head := make([]string, len(cols))
	for i := range cols {
		head[i] = cols[i].head
	}
	short := maxName
	for k := range cols {
		if full := cols[k].value; !cols[k].right {
			cols[k].value = func(c *report.Cell) string { return ansi.Truncate(full(c), short, "…") }
		}
	}
	for o.Width > 0 && short > minName && width(cells, cols) > o.Width {
		short--
	}
	rows := make([][]string, len(cells))
	last := ""
	for i := range cells {
		row := make([]string, len(cols))
		for k := range cols {
			row[k] = cols[k].value(&cells[i])
		}
		if cols[0].head == "task type" {
			if row[0] == last {
				row[0] = ""
			} else {
				last = row[0]
			}
		}
		rows[i] = row
	}
	return plain(b, head, rows, func(i int) bool { return cols[i].right })
}

// plain writes a table without borders, numbers to the right, and without white
// space at the ends of lines.
func plain(b *strings.Builder, head []string, rows [][]string, right func(column int) bool) error {
	var raw strings.Builder
	t := newTable(&raw, len(head), right)
	t.Header(head)
	for _, row := range rows {
		if err := t.Append(row); err != nil { // the library keeps the slice
			return fmt.Errorf("table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	for _, line := range strings.SplitAfter(raw.String(), "\n") {
		text := strings.TrimRight(line, " \n")
		if strings.HasPrefix(text, rule) {
			text = strings.TrimSuffix(text, strings.Repeat(rule, len(gap)))
		}
		b.WriteString(text + line[len(strings.TrimRight(line, "\n")):])
	}
	return nil
}

// What stands between columns, and what the rule below the head is made of.
const (
	gap  = "  "
	rule = "─"
)

// newTable is a table without borders, its numbers to the right.
func newTable(w io.Writer, columns int, right func(int) bool) *tablewriter.Table {
	align := make(tw.Alignment, columns)
	for i := range align {
		align[i] = tw.AlignLeft
		if right(i) {
			align[i] = tw.AlignRight
		}
	}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off},
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off}, Lines: tw.Lines{ShowHeaderLine: tw.On}},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithPadding(tw.Padding{Left: "", Right: gap}),
	)
}

// width is how wide the table would be.
func width(cells []report.Cell, cols []column) int {
	total := 0
	for k := range cols {
		w := ansi.StringWidth(cols[k].head)
		for i := range cells {
			w = max(w, ansi.StringWidth(cols[k].value(&cells[i])))
		}
		total += w + len(gap)
	}
	return total - len(gap)
}

// failures names the classes of errors, where there were any, with what the first
// of each said.
func failures(b *strings.Builder, overall []report.Cell) {
	for i := range overall {
		c := &overall[i]
		if c.Errored == 0 {
			continue
		}
		fmt.Fprintf(b, "\nerrors of %s\n", name(c.Candidate))
		for _, class := range eval.Classes() {
			n := c.Errors[class]
			if n == 0 {
				continue
			}
			fmt.Fprintf(b, "  %d × %s", n, class)
			if fault := class.Fault(); fault != string(class) {
				fmt.Fprintf(b, " (%s)", fault)
			}
			if m := c.Samples[class]; m != "" {
				fmt.Fprintf(b, ": %s", m.Line(160))
			}
			b.WriteByte('\n')
		}
	}
}

// legend explains the columns and ends with the warnings. What holds words from
// outside is not wrapped: a CI system takes commands from the beginnings of lines.
func legend(b *strings.Builder, r *report.Report, width int) {
	words := "\nrate: share of judged trials that were accepted, with Wilson's 95 % interval\n" +
		"p50, p95: user-visible time from the first send to the answer that counts, with retries and waits\n" +
		"cost/accepted: everything spent on all tasks ÷ accepted tasks   " + unknown + " unknown\n"
	if width > 0 {
		words = ansi.Wordwrap(words, width, "")
	}
	b.WriteString(words)
	for _, reason := range r.Verdict.Reason {
		fmt.Fprintf(b, "! %s\n", reason)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(b, "! %s\n", warning)
	}
}
