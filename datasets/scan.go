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

	refused []uint64 // one bit for each task that was read, by its Seq
}

// Refused reports whether the task of that Seq, though it could be read, is one
// of the problems: its id stood before, or the further check refused it.
func (i *Info) Refused(seq int) bool {
	return seq/64 < len(i.refused) && i.refused[seq/64]&(1<<(seq%64)) != 0
}

func (i *Info) refuse(seq int) {
	for seq/64 >= len(i.refused) {
		i.refused = append(i.refused, 0)
	}
	i.refused[seq/64] |= 1 << (seq % 64)
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
			info.refuse(t.Seq)
			problem(&LineError{File: t.File, Line: t.Line, Msg: fmt.Sprintf("the id %q stands in %s already", eval.Untrusted(t.ID).Line(80), first),
				Hint: "give each task an id of its own, or leave ids out"})
			continue
		}
		if extra != nil {
			if err := extra(t); err != nil {
				info.refuse(t.Seq)
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

// ids remembers task ids by 64-bit hash: 16 bytes an id, whatever its length.
// Two ids of a million fall on one hash with probability 3 in 10⁸; the message
// would then name the wrong line.
type ids struct {
	seed     maphash.Seed
	files    []string
	exact    map[uint64]place
	folded   map[uint64]place // of ids that are not in lower case, by their lower case
	warnings []string
}

// place is where an id stands.
type place struct{ file, line int32 }

func newIDs() *ids {
	return &ids{seed: maphash.MakeSeed(), exact: make(map[uint64]place), folded: make(map[uint64]place)}
}

// see returns where the task's id stood before, if it did.
func (d *ids) see(t *eval.Task) (first string, twice bool) {
	if len(d.files) == 0 || d.files[len(d.files)-1] != t.File {
		d.files = append(d.files, t.File)
	}
	at := place{int32(len(d.files) - 1), int32(t.Line)}
	h := maphash.String(d.seed, t.ID)
	if p, ok := d.exact[h]; ok {
		return d.name(p, at), true
	}
	d.exact[h] = at
	fold := strings.ToLower(t.ID)
	near, ok := d.folded[maphash.String(d.seed, fold)]
	if fold != t.ID {
		f := maphash.String(d.seed, fold)
		if p, lower := d.exact[f]; lower {
			near, ok = p, true
		}
		d.folded[f] = at
	}
	if ok && len(d.warnings) < maxProblems {
		d.warnings = append(d.warnings, fmt.Sprintf("%s:%d: the id %q differs from that of %s in case only", t.File, t.Line, eval.Untrusted(t.ID).Line(80), d.name(near, at)))
	}
	return "", false
}

// name says where p is, as seen from another place.
func (d *ids) name(p, from place) string {
	if p.file == from.file {
		return fmt.Sprintf("line %d", p.line)
	}
	return fmt.Sprintf("%s:%d", d.files[p.file], p.line)
}
