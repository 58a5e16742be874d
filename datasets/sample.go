package datasets

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"infer/eval"
)

// Sample draws n tasks without replacement, each subset of n equally likely, and
// returns them in the dataset's order. The same seed draws the same tasks. With
// perType, n tasks of each task type are drawn. Lines that are not tasks are an
// error: a sample of a broken dataset would hide that.
func (s *Source) Sample(ctx context.Context, n int, seed uint64, perType bool) ([]*eval.Task, error) {
	if n <= 0 {
		return nil, eval.Invalid(errors.New("a sample of no tasks"), "say how many: `infer datasets sample -n 100 tasks.jsonl`")
	}
	type reservoir struct {
		kept []*eval.Task
		seen int
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	pools := make(map[string]*reservoir)
	for t, err := range s.Tasks(ctx) {
		if err != nil {
			return nil, invalid(err)
		}
		key := ""
		if perType {
			key = t.Type
		}
		p := pools[key]
		if p == nil {
			p = &reservoir{}
			pools[key] = p
		}
		p.seen++
		if len(p.kept) < n {
			p.kept = append(p.kept, t)
		} else if i := rng.IntN(p.seen); i < n {
			p.kept[i] = t
		}
	}
	var out []*eval.Task
	for _, p := range pools {
		out = append(out, p.kept...)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Seq < out[j].Seq })
	return out, nil
}

// CheckShares fails with eval.KindInvalid unless there are two shares at least and
// all are above 0.
func CheckShares(shares []float64) error {
	const hint = "give shares such as 0.8,0.2"
	if len(shares) < 2 {
		return eval.Invalid(errors.New("a split needs two shares at least"), hint)
	}
	for _, x := range shares {
		if !(x > 0) || math.IsInf(x, 0) {
			return eval.Invalid(fmt.Errorf("a share of %v", x), hint)
		}
	}
	return nil
}

// Split streams the tasks with the number of the part each belongs to: the
// shares of the parts are as given, and all tasks of a group go to one part. The
// part is a function of the seed and the group alone, so that adding tasks moves
// none of the others.
func (s *Source) Split(ctx context.Context, shares []float64, seed uint64, each func(part int, t *eval.Task) error) error {
	if err := CheckShares(shares); err != nil {
		return err
	}
	total := 0.0
	for _, x := range shares {
		total += x
	}
	for t, err := range s.Tasks(ctx) {
		if err != nil {
			return invalid(err)
		}
		d := eval.DigestOf(fmt.Append(nil, seed), []byte(t.Cluster()))
		u := float64(uint64(d[0])<<40|uint64(d[1])<<32|uint64(d[2])<<24|uint64(d[3])<<16|uint64(d[4])<<8|uint64(d[5])) / (1 << 48)
		part, upTo := 0, 0.0
		for i, x := range shares {
			upTo += x / total
			part = i
			if u < upTo {
				break
			}
		}
		if err := each(part, t); err != nil {
			return err
		}
	}
	return nil
}

// invalid gives a line error its kind and hint.
func invalid(err error) error {
	var le *LineError
	if errors.As(err, &le) {
		return eval.Invalid(le, le.Hint)
	}
	return err
}
