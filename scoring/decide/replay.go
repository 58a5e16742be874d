package decide

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"infer/eval"
	"infer/scoring/stats"
)

// ErrRepeats is returned where a policy calls a candidate more often than repeats
// are stored, and nothing is known of how they vary.
var ErrRepeats = errors.New("not enough repeats stored")

// Replay is what policies are replayed on.
type Replay struct {
	Evidence  *Evidence
	Names     []string
	Providers []string
	Triggers  []eval.Class // classes that go on to the next step; nil = every error
	Seed      uint64
	Splits    int
}

// kinds of a policy's outcome on one task.
type replayed struct {
	judged   bool
	accepted float64 // probability
	cost     float64 // expected, dollars
	calls    float64
	latency  float64 // expected, µs; −1 unknown
	unpriced bool
}

// tallies of one policy: whole, and by bucket for split halves.
type replayTally struct {
	tally
	extrapolated bool
	buckets      *stats.Sums // accepted, tasks, cost
}

// Value replays one policy. down names a provider whose every call fails, "" = none.
// It fails with ErrRepeats where repeats are missing.
func (r *Replay) Value(p *Policy, down string) (eval.PolicyValue, error) {
	y, err := r.tally(p, down)
	if err != nil {
		return eval.PolicyValue{}, err
	}
	return y.value(p.describe(r.Names), p), nil
}

func (y *replayTally) value(name string, p *Policy) eval.PolicyValue {
	v := y.tally.value(name)
	v.Extrapolated = y.extrapolated
	if p.Check == OnReject && len(p.Steps) > 1 {
		v.Notes = "by a check that rejects exactly what is not accepted"
	}
	return v
}

const replayWidth = 3

func (r *Replay) tally(p *Policy, down string) (*replayTally, error) {
	y := &replayTally{buckets: stats.NewSums(stats.MaxBuckets, replayWidth)}
	for _, t := range r.Evidence.types {
		priors := make(map[int]stats.Repeats)
		var cluster replayed
		var n float64
		var err error
		for v := range t.tasks {
			var one replayed
			if one, err = r.task(p, t, v, down, priors, y); err != nil {
				return nil, err
			}
			if one.judged {
				n++
				y.trials++
				y.calls += one.calls
				cluster.accepted, cluster.cost = cluster.accepted+one.accepted, cluster.cost+one.cost
				y.unpriced = y.unpriced || one.unpriced
				y.untimed = y.untimed || one.latency < 0
				y.latencies = append(y.latencies, one.latency)
			}
			if v.last {
				y.rate.Add(cluster.accepted, n)
				if n > 0 {
					y.cost.Add(cluster.cost, cluster.accepted)
					b := y.buckets.Bucket(stats.Bucket(r.Seed, uint64(v.cluster), stats.MaxBuckets))
					b[0], b[1], b[2] = b[0]+cluster.accepted, b[1]+n, b[2]+cluster.cost
				}
				cluster, n = replayed{}, 0
			}
		}
	}
	return y, nil
}

// draws reduces a candidate's trials of a task to what a policy sees of them.
func (r *Replay) draws(p *Policy, rows []row) (t stats.Repeats, accepted int, untimed, unpriced bool) {
	for i := range rows {
		k := rows[i].kind()
		if !k.judged {
			continue
		}
		cost := float64(max(rows[i].high, rows[i].low)) / usd
		unpriced = unpriced || rows[i].high < 0
		untimed = untimed || rows[i].latency < 0
		failed := k.failed && (r.Triggers == nil || slices.Contains(r.Triggers, rows[i].errorClass()))
		if p.Check == OnReject {
			failed = !k.accepted
		}
		if failed {
			t.Fails++
			t.FailCost, t.FailTime = t.FailCost+cost, t.FailTime+float64(rows[i].latency)
			continue
		}
		t.Oks++
		t.OkCost, t.OkTime = t.OkCost+cost, t.OkTime+float64(rows[i].latency)
		if k.accepted {
			accepted++
		}
	}
	return t, accepted, untimed, unpriced
}

// task is one task by the policy: distinct repeats for repeated calls, averaged
// over all orders. A task that some candidate of the policy has no judged trial of
// is left out.
func (r *Replay) task(p *Policy, t *typeData, v *taskView, down string, priors map[int]stats.Repeats, y *replayTally) (replayed, error) {
	out := replayed{judged: true}
	reach := 1.0
	for _, s := range p.Steps {
		d, accepted, untimed, unpriced := r.draws(p, v.trials[s.Candidate])
		if d.Fails+d.Oks == 0 {
			return replayed{}, nil
		}
		if down != "" && r.Providers[s.Candidate] == down {
			out.calls += reach * float64(s.Calls)
			continue // every call fails, is not billed and takes no time of ours
		}
		if s.Calls > d.Fails+d.Oks {
			prior, ok := priors[s.Candidate]
			if !ok {
				prior = r.prior(p, t, s.Candidate)
				priors[s.Candidate] = prior
			}
			d.PriorFail, d.PriorSize = prior.PriorFail, prior.PriorSize
		}
		got, extrapolated, ok := d.Replay(s.Calls)
		if !ok {
			return replayed{}, eval.WithHint(eval.KindIncomplete, fmt.Errorf("%w: %s calls %s %d times, %d stored for a task of %s", ErrRepeats, named(p.Name), named(r.Names[s.Candidate]), s.Calls, d.Fails+d.Oks, named(t.name)),
				fmt.Sprintf("`infer eval --repeats %d` stores enough", s.Calls))
		}
		y.extrapolated = y.extrapolated || extrapolated && got.Calls > 1
		if d.Oks > 0 {
			out.accepted += reach * (1 - got.AllFail) * float64(accepted) / float64(d.Oks)
		} else if extrapolated && p.Check == OnReject {
			out.accepted += reach * (1 - got.AllFail)
		}
		out.calls, out.cost = out.calls+reach*got.Calls, out.cost+reach*got.Cost
		if out.latency >= 0 {
			out.latency += reach * got.Latency
		}
		if reach > 0 {
			out.unpriced = out.unpriced || unpriced
			if untimed {
				out.latency = -1
			}
		}
		if reach *= got.AllFail; reach == 0 {
			break
		}
	}
	return out, nil
}

// prior is what the candidate's repeats on other tasks of the type say of further
// ones: a beta distribution with their mean and intraclass correlation.
func (r *Replay) prior(p *Policy, t *typeData, candidate int) stats.Repeats {
	var s stats.RepeatSums
	var fails, all float64
	for v := range t.tasks {
		d, _, _, _ := r.draws(p, v.trials[candidate])
		s.Add(d.Fails, d.Fails+d.Oks)
		fails, all = fails+float64(d.Fails), all+float64(d.Fails+d.Oks)
	}
	icc, ok := s.ICC()
	if !ok || all == 0 {
		return stats.Repeats{}
	}
	icc = math.Min(math.Max(icc, 0.001), 0.999)
	return stats.Repeats{PriorFail: fails / all, PriorSize: (1 - icc) / icc}
}
