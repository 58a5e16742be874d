package httpx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"infer/providers"
)

// maxEventLine bounds one line of an event stream.
const maxEventLine = 4 << 20

// Event is one server-sent event. Data is valid until the next call of Next.
type Event struct {
	Name string // "" where the stream names none
	Data []byte
}

// Events reads server-sent events (WHATWG HTML, section 9.2): lines that end in
// LF, CR LF or CR, comments, several data lines to one event. A last event
// without its blank line is delivered too: some servers leave it out.
type Events struct {
	r    *bufio.Reader
	line []byte
	data []byte
	end  bool
	cr   bool // the last line ended in CR: an LF that follows belongs to it
}

// NewEvents reads events from r.
func NewEvents(r io.Reader) *Events { return &Events{r: bufio.NewReaderSize(r, 16<<10)} }

// Next returns the next event, or io.EOF.
func (e *Events) Next() (Event, error) {
	var ev Event
	e.data = e.data[:0]
	some := false
	for !e.end {
		line, err := e.read()
		if errors.Is(err, io.EOF) {
			e.end = true
		} else if err != nil {
			return Event{}, err
		}
		if len(line) == 0 {
			if some {
				break
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if some {
				e.data = append(e.data, '\n')
			}
			if len(e.data)+len(value) > maxEventLine {
				return Event{}, fmt.Errorf("%w: an event of more than %d bytes", providers.ErrTooLarge, maxEventLine)
			}
			e.data = append(e.data, value...)
			some = true
		case "event":
			ev.Name = string(value)
		}
	}
	if !some {
		return Event{}, io.EOF
	}
	ev.Data = e.data
	return ev, nil
}

// read returns one line without its end, and io.EOF with the last one.
func (e *Events) read() ([]byte, error) {
	e.line = e.line[:0]
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return e.line, err
		}
		after := e.cr
		e.cr = c == '\r'
		switch {
		case c == '\n' && after:
			continue
		case c == '\n' || c == '\r':
			return e.line, nil
		}
		if len(e.line) >= maxEventLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", providers.ErrTooLarge, maxEventLine)
		}
		e.line = append(e.line, c)
	}
}
