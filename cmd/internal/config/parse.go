package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"infer/eval"
)

// Limits of a configuration file.
const (
	maxFile    = 1 << 20 // bytes
	maxNesting = 40      // levels
	maxValues  = 100_000 // values, each use of an alias counted
)

// Limits of a price file, which may hold all the models that a public list has.
const (
	maxPrices      = 8 << 20
	maxPriceValues = 1_000_000
)

// place is where a value stands.
type place struct {
	file      string // as shown to the user
	line, col int
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.col) }

// places are the positions of values by dotted path.
type places map[string]place

// forget removes the places of a value that another one replaces.
func (ps places) forget(path string) {
	for k := range ps {
		if rest, ok := strings.CutPrefix(k, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			delete(ps, k)
		}
	}
}

// Parse reads one configuration file on its own. name is the file's name in
// messages. Errors are eval.KindInvalid, one line with a position.
func Parse(b []byte, name string) (*File, error) {
	f := &File{}
	d := &decoder{label: name, places: make(places)}
	if err := d.parse(b, reflect.ValueOf(f).Elem()); err != nil {
		return nil, err
	}
	return f, nil
}

// parse decodes a document over v: what it does not mention stays.
func (d *decoder) parse(b []byte, v reflect.Value) error {
	n, err := d.document(b)
	if err != nil || n == nil {
		return err
	}
	if d.left = maxValues; d.prices {
		d.left = maxPriceValues
	}
	return d.value(n, v, "", "", 0)
}

// document reads the one document of a file, YAML or, by its name, JSON; nil means that it holds
// nothing but comments.
func (d *decoder) document(b []byte) (*yaml.Node, error) {
	fail := func(line, col int, hint, what string) error {
		return eval.Invalid(fmt.Errorf("%s: %s", place{d.label, line, col}, what), hint)
	}
	if d.prices && len(b) > maxPrices {
		return nil, fail(1, 1, "keep the rows of the models that you use", "the file is larger than 8 MiB")
	}
	if !d.prices && len(b) > maxFile {
		return nil, fail(1, 1, "tasks belong in a dataset, not into the configuration", "the file is larger than 1 MiB")
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, fail(1, 1, "`infer init` writes one to start from", "the file is empty")
	}
	if line, col, bad := badUTF8(b); bad {
		return nil, fail(line, col, "save the file as UTF-8", "not UTF-8 text")
	}
	if strings.HasSuffix(d.label, ".json") {
		return d.jsonDocument(b)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		if err = dec.Decode(&more); err == nil {
			return nil, fail(max(1, more.Line), max(1, more.Column), "keep one document, without --- between settings", "a second YAML document")
		}
	}
	if !errors.Is(err, io.EOF) {
		line, col, what := syntaxError(err, b)
		hint := "indent with spaces, and put texts with : # { [ or quotes in them into quotes"
		return nil, fail(line, col, hint, "not YAML: "+what)
	}
	return doc.Content[0], nil
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)
)

// syntaxError takes the position out of a message of the YAML reader about b, as
// far as there is one.
func syntaxError(err error, b []byte) (line, col int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	line, col = 1, 1
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			line = n
		}
		what = what[len(m[0]):]
	}
	if m := yamlAnchor.FindStringSubmatch(what); m != nil {
		if i := bytes.Index(b, []byte("*"+m[1])); i >= 0 {
			line = 1 + bytes.Count(b[:i], []byte("\n"))
			col = 1 + utf8.RuneCount(b[bytes.LastIndexByte(b[:i], '\n')+1:i])
		}
	}
	return line, col, eval.Untrusted(what).Line(120)
}

// badUTF8 finds the first byte that is not UTF-8.
func badUTF8(b []byte) (line, col int, bad bool) {
	if utf8.Valid(b) {
		return 0, 0, false
	}
	line, col = 1, 1
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col, true
		case r == '\n':
			line, col = line+1, 1
		default:
			col++
		}
		b = b[n:]
	}
	return 0, 0, false
}
