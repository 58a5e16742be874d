package render

import (
	"strings"

	"infer/report"
)

// steps shows how answers came to be accepted, and where the money went: only
// where something beside first answers happened.
func steps(b *strings.Builder, overall []report.Cell, o Options) error {
	told := false
	for i := range overall {
		c := &overall[i]
		told = told || c.Accepted != c.FirstTry || c.Split.Retries.Low+c.Split.Failed.Low+c.Split.Fallback.Low+c.Split.Regeneration.Low+c.Split.Repair.Low+c.Review.Low > 0 || !c.Review.Known
	}
	if !told {
		return nil
	}
	b.WriteString("\nhow answers were accepted, and where the money went\n")
	if err := grid(b, overall, stepColumns(overall), o); err != nil {
		return err
	}
	b.WriteString("abandoned: what all of that spent on tasks that were never accepted\n")
	return nil
}

// stepColumns are the three ways to be accepted and the parts of the cost; a part
// that nobody spent on is left out.
func stepColumns(overall []report.Cell) []column {
	cols := []column{
		{head: "candidate", value: func(c *report.Cell) string { return name(c.Candidate) }},
		{head: "first try", right: true, value: func(c *report.Cell) string { return count(c.FirstTry) }},
		{head: "regenerated", right: true, value: func(c *report.Cell) string { return count(c.AfterRegeneration - c.FirstTry) }},
		{head: "repaired", right: true, value: func(c *report.Cell) string { return count(c.Accepted - c.AfterRegeneration) }},
	}
	for _, p := range []struct {
		head string
		keep int
		of   func(c *report.Cell) report.Money
	}{
		{"answers", 0, func(c *report.Cell) report.Money { return c.Split.Answer }},
		{"retries", 3, func(c *report.Cell) report.Money { return c.Split.Retries }},
		{"failed", 4, func(c *report.Cell) report.Money { return c.Split.Failed }},
		{"fallback", 5, func(c *report.Cell) report.Money { return c.Split.Fallback }},
		{"regeneration", 2, func(c *report.Cell) report.Money { return c.Split.Regeneration }},
		{"tools", 6, func(c *report.Cell) report.Money { return c.Split.Tools }},
		{"repair", 0, func(c *report.Cell) report.Money { return c.Split.Repair }},
		{"judging, apart", 1, func(c *report.Cell) report.Money { return c.Split.Judge }},
		{"review, apart", 1, func(c *report.Cell) report.Money { return c.Review }},
		{"abandoned", 0, func(c *report.Cell) report.Money { return c.Abandoned }},
	} {
		spent := false
		for i := range overall {
			if overall[i].Recorded {
				continue
			}
			m := p.of(&overall[i])
			spent = spent || m.Low > 0 || !m.Known
		}
		if spent {
			cols = append(cols, column{head: p.head, right: true, keep: p.keep, value: func(c *report.Cell) string { return report.CostRange(p.of(c)) }})
		}
	}
	return cols
}
