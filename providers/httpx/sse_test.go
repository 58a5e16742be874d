package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"infer/providers"
	"infer/providers/httpx"
)

type event struct {
	Name, Data string
	Cut        bool
}

func readEvents(r io.Reader) ([]event, error) {
	events := httpx.NewEvents(r)
	var out []event
	for {
		e, err := events.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, event{e.Name, string(e.Data), e.Cut})
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		in   string
		want []event
	}{
		"LF":                 {"data: a\n\ndata: b\n\n", []event{{"", "a", false}, {"", "b", false}}},
		"CRLF":               {"data: a\r\n\r\ndata: b\r\n\r\n", []event{{"", "a", false}, {"", "b", false}}},
		"CR":                 {"data: a\r\rdata: b\r\r", []event{{"", "a", false}, {"", "b", false}}},
		"several data lines": {"data: a\ndata:b\ndata\n\n", []event{{"", "a\nb\n", false}}},
		"comments":           {": OPENROUTER PROCESSING\n\n:\ndata: a\n: x\n\n", []event{{"", "a", false}}},
		"named":              {"event: message_stop\ndata: {}\nid: 7\nretry: 3\n\n", []event{{"message_stop", "{}", false}}},
		"name without data":  {"event: ping\n\ndata: a\n\n", []event{{"", "a", false}}},
		"one blank is taken": {"data:  a\n\n", []event{{"", " a", false}}},
		"no last blank line": {"data: [DONE]\n", []event{{"", "[DONE]", false}}},
		"cut line":           {"data: {\"a\":", []event{{"", `{"a":`, true}}},
		"byte order mark":    {"\ufeffdata: a\n\n", []event{{"", "a", false}}},
		"llama.cpp's error":  {"error: {\"code\":500}\n\n", []event{{"error", `{"code":500}`, false}}},
		"empty data":         {"data:\n\n", []event{{"", "", false}}},
		"nothing":            {"", nil},
		"blank lines only":   {"\n\r\n\r\r\n", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := readEvents(r)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: events (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

// endless is a stream that never ends its line.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	line := &endless{}
	if _, err := readEvents(line); !errors.Is(err, providers.ErrTooLarge) {
		t.Errorf("an endless line gives %v", err)
	}
	if line.read > 8<<20 {
		t.Errorf("%d bytes of an endless line were read", line.read)
	}
	many := strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 8)
	if _, err := readEvents(strings.NewReader(many)); !errors.Is(err, providers.ErrTooLarge) {
		t.Errorf("an endless event gives %v", err)
	}
	if _, err := readEvents(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut stream gives %v", err)
	}
}

// FuzzSSE: what is read does not depend on how the bytes arrive, and no event
// holds more than came.
func FuzzSSE(f *testing.F) {
	f.Add([]byte("data: {\"a\":\"\\u00e9\"}\r\n\r\n: c\n\nevent: e\rdata: b\r\r"))
	f.Add([]byte("data"))
	f.Add([]byte("\ufeff\ufeffdata:x\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err := readEvents(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		split, err := readEvents(iotest.OneByteReader(bytes.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Fatalf("whole and split differ:\n%s", diff)
		}
		total := 0
		for _, e := range whole {
			total += len(e.Data)
		}
		if total > len(in) {
			t.Fatalf("%d bytes out of %d", total, len(in))
		}
	})
}
