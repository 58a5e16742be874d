package decide

import (
	"fmt"
	"math"

	"infer/eval"
	"infer/scoring/stats"
)

// fewFailures is how many failures of a default it takes to rank backups by what
// they do with them.
const fewFailures = 10

// prior is the weight, in tasks, of a backup's overall rate in its rate on the
// default's failures.
const prior = 4

// rescue is what one candidate does with the tasks that another one failed.
type rescue struct {
	failures, rescued float64 // tasks that the default failed, and of those what the backup gets accepted
	shrunk            float64 // (rescued + 4·p) / (failures + 4)
	interval          stats.Interval
	bothFail, both    float64 // shares of all tasks: both fail; either is accepted
	utility           float64
}

// rescued computes how a backup b does where the default fails. Its utility is
// w_out·p_b + w_q·P(b accepted | default rejected), weighted by the shares of the
// default's failures that were outages, which do not depend on the task, and of
// those that were bad answers, which do.
func (d *decider) rescued(def, b int) rescue {
	p := d.s.pair(def, b)
	r := rescue{failures: p.N - p.both - p.B, rescued: p.C} // p.B is "only the default"
	if p.N <= 0 {
		return r
	}
	pb := (p.both + p.C) / p.N
	r.shrunk = (r.rescued + prior*pb) / (r.failures + prior)
	share := math.Min(1, p.G/p.N) // of the failures that are independent
	r.interval = stats.Wilson(r.rescued*share, r.failures*share, confidence)
	r.bothFail = math.Max(0, (r.failures-r.rescued)/p.N)
	r.both = 1 - r.bothFail
	outage, quality := float64(d.s.cand[def].outages), float64(d.s.cand[def].faults)
	if quality <= 0 || r.failures < fewFailures {
		r.utility = pb
		return r
	}
	onRejected := (p.rescueB + prior*pb) / (p.qualityA + prior)
	r.utility = (outage*pb + quality*onRejected) / (outage + quality)
	return r
}

// chooseBackup picks the candidate that most likely succeeds when the default
// fails, from another provider and host, under the same quality bar at a wider
// margin. The second result says why there is none.
func (d *decider) chooseBackup(v *view, c *choice, names, hosts []string) (*eval.Backup, string) {
	def := c.pick
	bar := d.nonInferior(v, d.kind.Margin*d.factor)
	best, elsewhere, gated, below := -1, 0, 0, 0
	var top rescue
	for b := range d.k {
		switch {
		case b == def:
		case !elsewhereThan(d.providers[def], hosts[def], d.providers[b], hosts[b]):
		case c.gates[b] != stats.Pass:
			elsewhere++
			gated++
		case bar[b] > d.alpha:
			elsewhere++
			below++
		default:
			elsewhere++
			if r := d.rescued(def, b); best < 0 || r.utility > top.utility {
				best, top = b, r
			}
		}
	}
	if best < 0 {
		return nil, noBackup(elsewhere, gated, below, d.providers[def], d.kind.Margin*d.factor)
	}
	out := &eval.Backup{Candidate: names[best], Failures: int64(math.Round(top.failures)), Combined: &top.both, BothFail: &top.bothFail}
	if top.failures < fewFailures {
		out.Reason = fmt.Sprintf("too few default failures (%d) to say what %s does with them; it has the highest acceptance, %s, of those at another provider",
			out.Failures, named(names[best]), percent(v.rate(best, colAccepted, colJudged)))
		return out, ""
	}
	out.Rescue, out.RescueLo, out.RescueHi = &top.shrunk, &top.interval.Lo, &top.interval.Hi
	out.Reason = fmt.Sprintf("it gets %s of the %d tasks accepted that %s fails (95%% CI %s to %s): together %s accepted where every failure is noticed, both fail %s",
		percent(top.rescued/top.failures), out.Failures, named(names[def]), percent(top.interval.Lo), percent(top.interval.Hi), percent(top.both), percent(top.bothFail))
	return out, ""
}

// elsewhereThan reports whether two candidates fail independently as far as the
// configuration shows: another provider, which must be known, and another
// upstream host where both are.
func elsewhereThan(provider, host, otherProvider, otherHost string) bool {
	return provider != "" && otherProvider != "" && provider != otherProvider && (host == "" || otherHost == "" || host != otherHost)
}

func noBackup(elsewhere, gated, below int, provider string, margin float64) string {
	switch {
	case provider == "":
		return "no independent backup: the default's provider is not known"
	case elsewhere == 0:
		return "no independent backup: no candidate is at another provider and host"
	case below == 0:
		return fmt.Sprintf("no independent backup: %d at other providers do not pass the hard gates", gated)
	}
	return fmt.Sprintf("no independent backup: %d at other providers are not shown to be within %s of the best", below, margins(margin))
}
