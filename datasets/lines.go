package datasets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"infer/eval"
)

// A compressed file that unpacks to more than maxRatio times its size, after
// the first maxRatioFrom bytes, is taken for a bomb.
const (
	maxRatio     = 1000
	maxRatioFrom = 64 << 20
)

// LineError is a line that is not a task, with what is wrong and how to mend it.
type LineError struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1; 0 = the whole line
	Msg    string
	Hint   string

	field string // what it is about, where the column is not known yet
}

// Error returns "file:line:column: message".
func (e *LineError) Error() string {
	if e.Column > 0 {
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r       *bufio.Reader
	name    string
	line    int
	maxLine int
	buf     []byte
	closers []func() error
}

func openFile(f file, maxLine int) (*lineReader, error) {
	h, err := os.Open(f.path)
	if err != nil {
		return nil, eval.Invalid(fmt.Errorf("read dataset: %w", err), "name a file that you may read")
	}
	r := &lineReader{name: f.name, maxLine: maxLine, closers: []func() error{h.Close}}
	var in io.Reader = h
	packed := &counter{r: h}
	switch {
	case strings.HasSuffix(f.path, ".gz"):
		z, err := gzip.NewReader(bufio.NewReaderSize(packed, 64<<10))
		if err != nil {
			return nil, errors.Join(eval.Invalid(fmt.Errorf("%s: not a gzip file: %w", f.name, err), "unpack it, or drop the .gz from its name"), r.close())
		}
		in = &capped{r: z, packed: packed, name: f.name}
	case strings.HasSuffix(f.path, ".zst"):
		z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, errors.Join(eval.Invalid(fmt.Errorf("%s: not a zstd file: %w", f.name, err), "unpack it, or drop the .zst from its name"), r.close())
		}
		r.closers = append(r.closers, func() error { z.Close(); return nil })
		in = &capped{r: z, packed: packed, name: f.name}
	}
	r.r = bufio.NewReaderSize(in, 256<<10)
	return r, r.skipMark()
}

// skipMark skips a UTF-8 byte order mark and refuses UTF-16.
func (r *lineReader) skipMark() error {
	head, err := r.r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(eval.Invalid(fmt.Errorf("read %s: %w", r.name, err), "check that the file is whole"), r.close())
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return errors.Join(eval.Invalid(fmt.Errorf("%s is UTF-16", r.name), "convert it: `iconv -f UTF-16 -t UTF-8`"), r.close())
	}
	if bytes.Equal(head, []byte{0xef, 0xbb, 0xbf}) {
		_, err = r.r.Discard(3)
		return err
	}
	return nil
}

func (r *lineReader) close() error {
	var err error
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	r.closers = nil
	return err
}

// next returns the next line that is not blank, without its end, and its
// number. The bytes are valid until the next call. It returns io.EOF at the
// end, and a *LineError for a line that is too long, after which the next call
// goes on behind it.
func (r *lineReader) next() ([]byte, int, error) {
	for {
		line, err := r.read()
		if err != nil {
			return nil, r.line, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, r.line, nil
		}
	}
}

func (r *lineReader) read() ([]byte, error) {
	r.buf = r.buf[:0]
	r.line++
	for {
		part, err := r.r.ReadSlice('\n')
		if len(r.buf)+len(part) > r.maxLine {
			r.buf = nil
			if err = r.skip(err); err != nil {
				return nil, r.broken(err)
			}
			return nil, &LineError{File: r.name, Line: r.line, Msg: fmt.Sprintf("the line is longer than %d MiB", r.maxLine>>20),
				Hint: "keep large contents in files beside the dataset and name them by path"}
		}
		if err == nil && len(r.buf) == 0 {
			return trimEnd(part), nil
		}
		r.buf = append(r.buf, part...)
		switch {
		case err == nil:
			return trimEnd(r.buf), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			if len(r.buf) == 0 {
				return nil, io.EOF
			}
			return trimEnd(r.buf), nil
		default:
			return nil, r.broken(err)
		}
	}
}

// broken is an error of the file, not of a line.
func (r *lineReader) broken(err error) error {
	return eval.Invalid(fmt.Errorf("read %s: line %d: %w", r.name, r.line, err), "check that the file is whole")
}

// skip reads on to the end of the line.
func (r *lineReader) skip(err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.r.ReadSlice('\n')
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func trimEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r"))
}

// counter counts the bytes that were read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// capped stops a compressed file that unpacks out of all proportion.
type capped struct {
	r      io.Reader
	packed *counter
	name   string
	n      int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n > maxRatioFrom && c.n/maxRatio > c.packed.n {
		return n, fmt.Errorf("%s unpacks to more than %d times its size", c.name, maxRatio)
	}
	return n, err
}
