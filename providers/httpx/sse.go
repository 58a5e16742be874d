package httpx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"infer/providers"
)

// maxEvent bounds one line and one event of a stream, in bytes. It leaves room
// for an image in base64, which some models send as one event.
const maxEvent = 4 << 20

// Event is one server-sent event. Data is valid until the next call of Next.
type Event struct {
	Name string // "" where the stream names none
	Data []byte
	Cut  bool // the stream ended inside the event's last line: Data may be a part
}

// Events reads server-sent events (WHATWG HTML, section 9.2): lines that end in
// LF, CR LF or CR, comments, several data lines to one event. It is lenient
// where servers are sloppy: a last event without its blank line is delivered
// too, and a line "error: …" (llama.cpp) is an event named error.
type Events struct {
	r    *bufio.Reader
	line []byte
	data []byte
	end  bool
	cut  bool // the last line had no end
	cr   bool // the last line ended in CR: an LF that follows belongs to it
}

// NewEvents reads events from r.
func NewEvents(r io.Reader) *Events {
	e := &Events{r: bufio.NewReaderSize(r, 8<<10)}
	if b, err := e.r.Peek(3); err == nil && string(b) == "\ufeff" {
		_, _ = e.r.Discard(3) // a byte order mark is not part of the first line
	}
	return e
}

// Next returns the next event, or io.EOF. A line or an event above 4 MiB is
// providers.ErrTooLarge.
func (e *Events) Next() (Event, error) {
	var ev Event
	e.data = e.data[:0]
	some := false
	for !e.end {
		line, err := e.read()
		if errors.Is(err, io.EOF) {
			e.end, e.cut = true, len(line) > 0
		} else if err != nil {
			return Event{}, err
		}
		if len(line) == 0 {
			if some {
				break
			}
			ev.Name = "" // an event without data is none
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			ev.Name = string(value)
			continue
		case "error":
			ev.Name = "error"
		case "data":
		default:
			continue
		}
		if some {
			e.data = append(e.data, '\n')
		}
		if len(e.data)+len(value) > maxEvent {
			return Event{}, fmt.Errorf("%w: an event of more than %d bytes", providers.ErrTooLarge, maxEvent)
		}
		e.data = append(e.data, value...)
		some = true
	}
	if !some {
		return Event{}, io.EOF
	}
	ev.Data, ev.Cut = e.data, e.cut
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
		if len(e.line) >= maxEvent {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", providers.ErrTooLarge, maxEvent)
		}
		e.line = append(e.line, c)
	}
}
