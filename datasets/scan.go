package datasets

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"sort"
	"strings"

	"infer/eval"
)

// maxProblems is how many problems a scan describes; the others are counted.
const maxProblems = 100

// Info is what a scan of a whole dataset found.
type Info struct {
	Tasks        int
	Digest       eval.Digest // over the tasks' digests, in order
	Types        []Count
	InputTypes   []Count
	Groups       int // distinct groups; 0 = no line names one
	WithExpected int
	WithRecorded int
	WithGraders  int
	Problems     []*LineError // the first ones
	ProblemCount int
	Warnings     []string
}

// Count is how often something stands in a dataset.
type Count struct {
	Name string
	N    int
}

// Scan reads the whole dataset and checks every line; extra, if not nil, checks
// each task further. Lines that are not tasks and ids that stand twice are
// problems in the result. The error is for what stops reading.
func (s *Source) Scan(ctx context.Context, extra func(*eval.Task) error) (*Info, error) {
	info := &Info{}
	digest := sha256.New()
	types, inputs := make(map[string]int), make(map[string]int)
	groups := make(map[uint64]struct{})
	ids := newIDs()
	problem := func(le *LineError) {
		info.ProblemCount++
		if len(info.Problems) < maxProblems {
			info.Problems = append(info.Problems, le)
		}
	}
	for t, err := range s.Tasks(ctx) {
		var le *LineError
		if errors.As(err, &le) {
			problem(le)
			continue
		}
		if err != nil {
			return nil, err
		}
		if first, twice := ids.see(t); twice {
			problem(&LineError{File: t.File, Line: t.Line, Msg: fmt.Sprintf("the id %q stands in line %d already", eval.Untrusted(t.ID).Line(80), first),
				Hint: "give each task an id of its own, or leave ids out"})
			continue
		}
		if extra != nil {
			if err := extra(t); err != nil {
				problem(&LineError{File: t.File, Line: t.Line, Msg: err.Error(), Hint: eval.Hint(err)})
				continue
			}
		}
		info.Tasks++
		digest.Write(t.Digest[:])
		types[t.Type]++
		inputs[string(t.InputType())]++
		if t.Group != "" {
			groups[maphash.String(ids.seed, t.Group)] = struct{}{}
		}
		info.WithExpected += one(t.Expected != nil)
		info.WithRecorded += one(t.Recorded != nil)
		info.WithGraders += one(len(t.Graders) > 0)
	}
	copy(info.Digest[:], digest.Sum(nil))
	info.Types, info.InputTypes, info.Groups = counts(types), counts(inputs), len(groups)
	info.Warnings = ids.warnings
	return info, nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func counts(m map[string]int) []Count {
	out := make([]Count, 0, len(m))
	for name, n := range m {
		out = append(out, Count{name, n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// ids remembers task ids by 64-bit hash: 12 bytes an id, whatever its length.
// Two ids of a million fall on one hash with probability 3 in 10⁸; the message
// would then name the wrong line.
type ids struct {
	seed     maphash.Seed
	exact    map[uint64]int32
	folded   map[uint64]int32
	warnings []string
}

func newIDs() *ids {
	return &ids{seed: maphash.MakeSeed(), exact: make(map[uint64]int32), folded: make(map[uint64]int32)}
}

// see returns the line on which the task's id stood before, if it did.
func (d *ids) see(t *eval.Task) (line int, twice bool) {
	h := maphash.String(d.seed, t.ID)
	if first, ok := d.exact[h]; ok {
		return int(first), true
	}
	d.exact[h] = int32(t.Line)
	fold := strings.ToLower(t.ID)
	if fold == t.ID {
		return 0, false
	}
	f := maphash.String(d.seed, fold)
	if first, ok := d.folded[f]; ok && len(d.warnings) < maxProblems {
		d.warnings = append(d.warnings, fmt.Sprintf("%s:%d: the id %q differs from that of line %d in case only", t.File, t.Line, eval.Untrusted(t.ID).Line(80), first))
	}
	d.folded[f] = int32(t.Line)
	return 0, false
}
