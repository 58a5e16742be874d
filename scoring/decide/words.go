package decide

import (
	"fmt"
	"math"
	"strings"

	"infer/eval"
	"infer/scoring/stats"
)

// reasons are the sentences that a choice is signed with, the deciding one first.
func (d *decider) reasons(v *view, c *choice, names []string, capped string) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if capped != "" {
		add("%s", capped)
	}
	switch {
	case c.verdict == eval.NoneEligible:
		d.whyNone(v, c, names, add)
	case c.verdict == eval.InsufficientEvidence:
		d.whyUndecided(v, c, names, capped, add)
	case d.high():
		d.whyBest(v, c, names, add)
	default:
		d.whyCheapest(v, c, names, add)
	}
	return out
}

func (d *decider) figures(v *view, i int) string {
	iv, _ := stats.WilsonClustered(d.s.cand[i].rate, confidence)
	return fmt.Sprintf("%s accepted (95%% CI %s to %s)", percent(v.rate(i, colAccepted, colJudged)), percent(iv.Lo), percent(iv.Hi))
}

func (d *decider) whyCheapest(v *view, c *choice, names []string, add func(string, ...any)) {
	pick := named(names[c.pick])
	eligible := d.eligibleNames(c, names)
	switch {
	case d.k == 1:
		add("%s is the only candidate: %s, %s an accepted task", pick, d.figures(v, c.pick), dollars(v.costPer(c.pick)))
	case c.verdict == eval.SelectedTie:
		add("%s stays: it is shown to be within %s of the best, and its cost of an accepted task, %s, cannot be told from the lowest, %s of %s", pick, margins(d.kind.Margin),
			dollars(v.costPer(c.pick)), dollars(v.costPer(c.lead)), named(names[c.lead]))
	case len(eligible) == 1:
		add("%s is the only one of %d shown to be within %s of the best that passes the gates: %s, %s an accepted task", pick, d.k, margins(d.kind.Margin), d.figures(v, c.pick), dollars(v.costPer(c.pick)))
	case c.pick != c.lead:
		add("%s costs as much as %s as far as can be told, %s and %s an accepted task, and is preferred for its %s", pick, named(names[c.lead]),
			dollars(v.costPer(c.pick)), dollars(v.costPer(c.lead)), d.preference(v, c))
	default:
		next := d.nextCost(v, c)
		add("%s is the cheapest of %d shown to be within %s of the best: %s an accepted task, %s less than %s", pick, len(eligible), margins(d.kind.Margin),
			dollars(v.costPer(c.pick)), fmt.Sprintf("%.0f%%", 100*(1-v.costPer(c.pick)/v.costPer(next))), named(names[next]))
	}
	d.standing(v, c, names, add)
}

// preference names what decided a tie on cost without an incumbent.
func (d *decider) preference(v *view, c *choice) string {
	if v.rate(c.pick, colAccepted, colJudged) != v.rate(c.lead, colAccepted, colJudged) {
		return fmt.Sprintf("higher acceptance, %s against %s", percent(v.rate(c.pick, colAccepted, colJudged)), percent(v.rate(c.lead, colAccepted, colJudged)))
	}
	if d.s.cand[c.pick].p95 != d.s.cand[c.lead].p95 {
		return "lower p95 of latency"
	}
	return "independent backups"
}

func (d *decider) whyBest(v *view, c *choice, names []string, add func(string, ...any)) {
	pick := named(names[c.pick])
	switch {
	case d.k == 1:
		add("%s is the only candidate: %s", pick, d.figures(v, c.pick))
	case c.verdict == eval.SelectedTie:
		add("%s stays: its quality, %s, cannot be separated from that of %s, %s; high-risk work ignores cost", pick, d.figures(v, c.pick), named(names[c.lead]), percent(v.rate(c.lead, colAccepted, colJudged)))
	case c.pick != c.lead:
		add("%s cannot be separated in quality from %s, %s against %s, and answers more reliably or faster; high-risk work ignores cost", pick, named(names[c.lead]),
			percent(v.rate(c.pick, colAccepted, colJudged)), percent(v.rate(c.lead, colAccepted, colJudged)))
	default:
		add("%s has the best quality and is shown to be within %s of every other: %s; high-risk work ignores cost", pick, margins(d.kind.Margin), d.figures(v, c.pick))
	}
	d.standing(v, c, names, add)
}

// standing adds how the choice compares with the highest acceptance seen.
func (d *decider) standing(v *view, c *choice, names []string, add func(string, ...any)) {
	top := d.byAcceptance(v)[0]
	if top == c.pick {
		return
	}
	p := d.s.pair(c.pick, top)
	eff := p.Effective()
	iv := stats.TangoCI(eff, confidence)
	add("against %s, which has the highest acceptance: %s on the same %.0f tasks (95%% CI %+.1f to %+.1f)", named(names[top]), points(eff.Difference()), p.N, 100*iv.Lo, 100*iv.Hi)
}

func (d *decider) nextCost(v *view, c *choice) int {
	for _, i := range d.byCost(v) {
		if i != c.pick && c.eligible(i) {
			return i
		}
	}
	return c.pick
}

func (d *decider) eligibleNames(c *choice, names []string) []string {
	var out []string
	for i := range d.k {
		if c.eligible(i) {
			out = append(out, named(names[i]))
		}
	}
	return out
}

func (d *decider) whyNone(v *view, c *choice, names []string, add func(string, ...any)) {
	var failed, inferior []string
	for i := range d.k {
		switch {
		case c.gates[i] == stats.Fail:
			failed = append(failed, named(names[i]))
		case c.inferior[i]:
			inferior = append(inferior, named(names[i]))
		}
	}
	if len(failed) > 0 {
		add("no candidate may be the default: %s", plural(failed, "fails a hard gate", "fail a hard gate"))
	}
	if len(inferior) > 0 {
		add("%s: worse than the best by more than %s", plural(inferior, "is shown to be inferior", "are shown to be inferior"), margins(d.kind.Margin))
	}
	top := d.byAcceptance(v)[0]
	add("the highest acceptance is that of %s, %s", named(names[top]), d.figures(v, top))
}

func plural(names []string, one, many string) string {
	if len(names) == 1 {
		return names[0] + " " + one
	}
	return strings.Join(names, ", ") + " " + many
}

func (d *decider) whyUndecided(v *view, c *choice, names []string, capped string, add func(string, ...any)) {
	order := d.byAcceptance(v)
	unmeasured := d.unmeasured(c)
	if capped == "" {
		switch {
		case unmeasured != "":
			add("%s", unmeasured)
		case d.k == 1:
			add("%s does not yet pass its gates", named(names[0]))
		default:
			i, j := order[0], order[1]
			p := d.s.pair(i, j)
			eff := p.Effective()
			iv := stats.TangoCI(eff, confidence)
			add("no candidate that passes the gates is shown to be within %s of the best: between %s and %s lie %s on %.0f tasks (95%% CI %+.1f to %+.1f)", margins(d.kind.Margin),
				named(names[i]), named(names[j]), points(eff.Difference()), p.N, 100*iv.Lo, 100*iv.Hi)
		}
	}
	if c.pick < 0 {
		return
	}
	if d.incumbent >= 0 {
		add("%s stays the default until the evidence suffices for another: %s", named(names[c.pick]), d.figures(v, c.pick))
		d.whyNotIncumbent(v, c, names, add)
		return
	}
	n := d.n[c.pick]
	lo := stats.ClopperPearsonLower(v.rate(c.pick, colAccepted, colJudged)*n, math.Max(n, 1e-9), confidence)
	add("%s is provisional: the highest lower bound of acceptance, %s", named(names[c.pick]), percent(lo))
}

// whyNotIncumbent adds the candidate that is shown to be better than an incumbent
// that stays for want of evidence, if there is one.
func (d *decider) whyNotIncumbent(v *view, c *choice, names []string, add func(string, ...any)) {
	separate := d.separation(v)
	for _, i := range d.byAcceptance(v) {
		if i == c.pick || separate[pairIndex(min(i, c.pick), max(i, c.pick), d.k)] > d.alpha {
			continue
		}
		eff := d.pair(v, i, c.pick)
		if eff.Difference() <= 0 {
			return
		}
		iv := stats.TangoCI(eff, confidence)
		add("%s is better than it by %.1f points (95%% CI %+.1f to %+.1f), but not yet shown to be within %s of the others", named(names[i]), 100*eff.Difference(), 100*iv.Lo, 100*iv.Hi, margins(d.kind.Margin))
		return
	}
}
