// Package datasets reads recorded tasks: JSON lines from files, compressed files,
// folders or standard input, with a mapping for foreign field names. It also
// checks, samples and splits them.
//
// Reading streams: a dataset of any length is read in bounded memory. A line
// that is not a task is a LineError with its position, and reading goes on: no
// line is ever dropped in silence. A dataset is data: it cannot name files
// outside its folder, and URLs in it are refused unless the user allows them.
package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"infer/eval"
)

// Limits of what is read.
const (
	DefaultMaxLine       = 16 << 20
	DefaultMaxAttachment = 20 << 20
)

// Options say how a dataset is read. The zero value reads infer's own lines.
type Options struct {
	Fields        map[string]string // task field → dotted path in the line
	MaxLine       int               // bytes; 0 = DefaultMaxLine
	MaxAttachment int64             // bytes; 0 = DefaultMaxAttachment
	AllowURLs     bool              // parts may name http(s) URLs
	Stdin         io.Reader         // for the path "-"
	Exclude       []string          // base names to leave out of a folder
}

// Source is an open dataset. It can be read any number of times.
type Source struct {
	opts   Options
	files  []file
	dir    string // of the first file, for the name of several
	remove string // temporary file to remove on Close
}

type file struct {
	path string // to open
	name string // as the user knows it
}

// Open finds the files behind the paths. A path is a file (.jsonl, .ndjson,
// .json, each also .gz or .zst), a folder of such files, or "-" for standard
// input. Errors are eval.KindInvalid and have a hint.
func Open(_ context.Context, paths []string, opts Options) (*Source, error) {
	if opts.MaxLine <= 0 {
		opts.MaxLine = DefaultMaxLine
	}
	if opts.MaxAttachment <= 0 {
		opts.MaxAttachment = DefaultMaxAttachment
	}
	s := &Source{opts: opts}
	for _, p := range paths {
		if err := s.add(p); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if len(s.files) == 0 {
		return nil, eval.Invalid(errors.New("no dataset named"), "name a .jsonl file: `infer eval tasks.jsonl`")
	}
	return s, nil
}

// Close removes what was spooled from standard input.
func (s *Source) Close() error {
	if s.remove == "" {
		return nil
	}
	name := s.remove
	s.remove = ""
	return os.Remove(name)
}

func (s *Source) add(p string) error {
	if p == "-" {
		return s.spool()
	}
	info, err := os.Stat(p)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return eval.Invalid(fmt.Errorf("read dataset %s: %w", p, err), "name an existing .jsonl file or folder; `infer init` starts a project")
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return eval.Invalid(fmt.Errorf("read dataset %s: not a regular file", p), "pipe it in instead: `infer eval -`")
		}
		if s.dir == "" {
			s.dir = filepath.Dir(p)
		}
		s.files = append(s.files, file{p, p})
		return nil
	}
	entries, err := os.ReadDir(p)
	if err != nil {
		return eval.Invalid(fmt.Errorf("read dataset folder: %w", err), "name a folder that you may read")
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && isDataset(e.Name()) && !s.excluded(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return eval.Invalid(fmt.Errorf("folder %s holds no tasks", p), "put .jsonl files (or .jsonl.gz, .jsonl.zst) or an infer.yaml there")
	}
	sort.Strings(names)
	s.dir = p
	for _, n := range names {
		s.files = append(s.files, file{filepath.Join(p, n), filepath.Join(p, n)})
	}
	return nil
}

func (s *Source) excluded(name string) bool {
	for _, x := range s.opts.Exclude {
		if x == name {
			return true
		}
	}
	return strings.HasPrefix(name, ".")
}

func isDataset(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return strings.HasSuffix(base, ".jsonl") || strings.HasSuffix(base, ".ndjson")
}

// spool keeps standard input in a temporary file, since it is read twice: once
// to check it all before anything is sent, once to run it.
func (s *Source) spool() error {
	if s.opts.Stdin == nil {
		return eval.Invalid(errors.New("no standard input to read"), "name a file instead of -")
	}
	f, err := os.CreateTemp("", "infer-stdin-*.jsonl")
	if err != nil {
		return fmt.Errorf("keep standard input: %w", err)
	}
	s.remove = f.Name()
	_, err = io.Copy(f, s.opts.Stdin)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep standard input: %w", err)
	}
	s.files = append(s.files, file{f.Name(), "stdin"})
	return nil
}

// Name is a short name for the dataset: the first file's or folder's.
func (s *Source) Name() string {
	if len(s.files) == 0 {
		return ""
	}
	if base := filepath.Base(s.dir); len(s.files) > 1 && base != "." && base != ".." {
		return base
	}
	name := filepath.Base(s.files[0].name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return strings.TrimSuffix(strings.TrimSuffix(name, ".jsonl"), ".ndjson")
}

// Tasks streams the tasks in order. An error is a *LineError, after which
// reading goes on with the next line, or the end of reading.
func (s *Source) Tasks(ctx context.Context) iter.Seq2[*eval.Task, error] {
	return func(yield func(*eval.Task, error) bool) {
		seq := 0
		for _, f := range s.files {
			r, err := openFile(f, s.opts.MaxLine)
			if err != nil {
				yield(nil, err)
				return
			}
			goOn := s.tasksOf(ctx, r, f, &seq, yield)
			if err := r.close(); err != nil && goOn {
				yield(nil, err)
				return
			}
			if !goOn {
				return
			}
		}
	}
}

func (s *Source) tasksOf(ctx context.Context, r *lineReader, f file, seq *int, yield func(*eval.Task, error) bool) bool {
	for {
		line, n, err := r.next()
		if errors.Is(err, io.EOF) {
			return true
		}
		var le *LineError
		if errors.As(err, &le) {
			if !yield(nil, le) {
				return false
			}
			continue
		}
		if err != nil {
			yield(nil, err)
			return false
		}
		if n%1024 == 0 && ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
			return false
		}
		t, lerr := s.decode(line)
		if lerr != nil {
			lerr.File, lerr.Line = f.name, n
			if !yield(nil, lerr) {
				return false
			}
			continue
		}
		t.Seq, t.File, t.Line = *seq, f.name, n
		*seq++
		if !yield(t, nil) {
			return false
		}
	}
}
