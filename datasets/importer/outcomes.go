// Package importer reads what other programs wrote down: logs become recorded
// outcomes, one file a format. It reads streams, names what is wrong with file,
// line and what to do, and guesses nothing: a figure that a log leaves out is
// unknown.
package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"infer/datasets"
	"infer/eval"
)

// Outcome is one recorded result: one repeat of one task by one candidate.
type Outcome struct {
	TaskID, TaskType, Candidate string
	Repeat                      int
	Group, Provider             string
	Accepted                    *bool // nil = not judged, or the judge failed
	Cost                        *eval.Money
	Latency                     *time.Duration
	Retries                     *int
	Class                       eval.Class // "" = it did not end in an error
	Fallback                    *bool
	Regenerated                 *bool
	HumanFix                    *bool
	Volume                      *int64 // tasks of this type a month
}

// fields are the columns of an outcome, with how each is read.
var fields = map[string]func(o *Outcome, v string) error{
	"task_id":   func(o *Outcome, v string) error { o.TaskID = v; return nil },
	"task_type": func(o *Outcome, v string) error { o.TaskType = v; return nil },
	"candidate": func(o *Outcome, v string) error { o.Candidate = v; return nil },
	"group":     func(o *Outcome, v string) error { o.Group = v; return nil },
	"provider":  func(o *Outcome, v string) error { o.Provider = v; return nil },
	"accepted":  func(o *Outcome, v string) error { return truth(v, &o.Accepted) },
	"repeat": func(o *Outcome, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1_000_000 {
			return errors.New("is not a number from 0")
		}
		o.Repeat = n
		return nil
	},
	"cost_usd": func(o *Outcome, v string) error {
		m, err := parseUSD(v)
		if err != nil {
			return err
		}
		o.Cost = &m
		return nil
	},
	"latency_ms": func(o *Outcome, v string) error {
		ms, err := strconv.ParseFloat(v, 64)
		if err != nil || !(ms >= 0 && ms < 1e12) {
			return errors.New("is not a time in milliseconds")
		}
		d := time.Duration(ms * float64(time.Millisecond))
		o.Latency = &d
		return nil
	},
	"retry_count": func(o *Outcome, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1_000_000 {
			return errors.New("is not a count")
		}
		o.Retries = &n
		return nil
	},
	"error_class": func(o *Outcome, v string) error {
		if o.Class = eval.Class(v); !o.Class.Valid() {
			return fmt.Errorf("is not a failure class; the classes are %v", eval.Classes())
		}
		return nil
	},
	"fallback_used":      func(o *Outcome, v string) error { return truth(v, &o.Fallback) },
	"user_regenerated":   func(o *Outcome, v string) error { return truth(v, &o.Regenerated) },
	"human_fix_required": func(o *Outcome, v string) error { return truth(v, &o.HumanFix) },
	"volume": func(o *Outcome, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return errors.New("is not a count")
		}
		o.Volume = &n
		return nil
	},
}

// needed are the columns without which a row says nothing.
var needed = []string{"task_id", "task_type", "candidate", "accepted"}

// parseUSD reads an amount of dollars; digits beyond a pico-dollar, which
// programs that compute with floats write, are rounded.
func parseUSD(v string) (eval.Money, error) {
	m, err := eval.ParseUSD(v)
	if err == nil && m >= 0 {
		return m, nil
	}
	f, ferr := strconv.ParseFloat(v, 64)
	if ferr != nil || !(f >= 0 && f < 9e6) {
		return 0, errors.New("is not an amount of dollars")
	}
	return eval.Money(f*float64(eval.USD) + 0.5), nil
}

func truth(v string, dest **bool) error {
	yes := true
	switch strings.ToLower(v) {
	case "true", "1", "1.0", "yes":
	case "false", "0", "0.0", "no":
		yes = false
	default:
		return errors.New("is neither true nor false")
	}
	*dest = &yes
	return nil
}

// Outcomes reads rows in long form: CSV with a head, or a JSON object a line.
// Which of them it is, the first character says. Each error is a
// *datasets.LineError; reading goes on after it.
func Outcomes(r io.Reader, name string) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		b := bufio.NewReaderSize(r, 64<<10)
		if mark, err := b.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
			_, _ = b.Discard(3) // a byte order mark
		}
		first, err := b.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			yield(Outcome{}, eval.Invalid(fmt.Errorf("read %s: %w", name, err), "name a file that you may read"))
		case first[0] == '{':
			readJSON(b, name, yield)
		default:
			readCSV(b, name, yield)
		}
	}
}

const maxOutcomeLine = 1 << 20

func readJSON(r io.Reader, name string, yield func(Outcome, error) bool) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), maxOutcomeLine)
	line := 0
	for sc.Scan() {
		line++
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
			if !yield(Outcome{}, lineError(name, line, "is not a JSON object", `each line is {"task_id": …, "task_type": …, "candidate": …, "accepted": true}`)) {
				return
			}
			continue
		}
		values := make(map[string]string, len(m))
		for k, raw := range m {
			values[k] = scalar(raw)
		}
		o, err := outcome(values, name, line)
		if !yield(o, err) {
			return
		}
	}
	if err := sc.Err(); err != nil {
		yield(Outcome{}, lineError(name, line+1, err.Error(), "check that the file is whole"))
	}
}

// scalar is a JSON value as a cell, "" for null; nested values are not read.
func scalar(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null" || raw[0] == '{' || raw[0] == '[':
		return ""
	case raw[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	return string(raw)
}

func readCSV(r io.Reader, name string, yield func(Outcome, error) bool) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	head, err := c.Read()
	if err != nil {
		yield(Outcome{}, lineError(name, 1, "is no CSV head", "the first line names the columns: "+strings.Join(needed, ",")))
		return
	}
	columns := append([]string(nil), head...)
	for i := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(columns[i]))
	}
	for _, n := range needed {
		if !has(columns, n) {
			yield(Outcome{}, lineError(name, 1, "has no column "+n, "the columns are "+strings.Join(needed, ", ")+", and optional ones: `infer import outcomes --help`"))
			return
		}
	}
	c.FieldsPerRecord = len(columns)
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		line, _ := c.FieldPos(0)
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			if !yield(Outcome{}, lineError(name, pe.Line, pe.Err.Error(), "mend the line; a cell with a comma or a quote stands in quotes")) || !errors.Is(pe.Err, csv.ErrFieldCount) {
				return
			}
			continue
		}
		if err != nil {
			yield(Outcome{}, lineError(name, line, err.Error(), "check that the file is whole"))
			return
		}
		values := make(map[string]string, len(columns))
		for i, v := range record {
			values[columns[i]] = strings.TrimSpace(v)
		}
		o, oErr := outcome(values, name, line)
		if !yield(o, oErr) {
			return
		}
	}
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// outcome reads one row's cells. Cells of unknown names are left aside: logs
// have more columns than this needs.
func outcome(values map[string]string, name string, line int) (Outcome, error) {
	var o Outcome
	for key, read := range fields {
		v := values[key]
		if v == "" {
			continue
		}
		if err := read(&o, v); err != nil {
			return Outcome{}, lineError(name, line, fmt.Sprintf("%s %q %v", key, eval.Untrusted(v).Line(40), err), "mend the value, or leave it out where it is unknown")
		}
	}
	for _, n := range []string{"task_id", "candidate"} {
		if values[n] == "" {
			return Outcome{}, lineError(name, line, "has no "+n, "every row names its task and its candidate")
		}
	}
	if o.TaskType == "" {
		o.TaskType = eval.DefaultTaskType
	}
	if _, there := values["accepted"]; !there && o.Class == "" {
		return Outcome{}, lineError(name, line, "says neither accepted nor error_class", "accepted is true or false, or empty where nobody judged the answer")
	}
	return o, nil
}

func lineError(name string, line int, msg, hint string) error {
	return &datasets.LineError{File: name, Line: line, Msg: msg, Hint: hint}
}
