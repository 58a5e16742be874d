package providers

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

const (
	maxDetail = 4000     // bytes of a body that the rules look at
	maxText   = 64 << 10 // bytes of a body that is only text
	maxNested = 4        // error objects inside error objects
)

// ParseError reads the error bodies that providers and relays send: {"error":
// {…}}, {"error": "…"}, a bare object, a list that holds one of these, a page of
// HTML, or any other text. Type, Code, Message and Detail of the result are set.
// It never fails: what it cannot read becomes the message.
func ParseError(body []byte) Signal {
	s := parseObject(bytes.TrimSpace(body), 0)
	s.Detail = string(body[:min(len(body), maxDetail)])
	return s
}

// wireError is the union of the error objects seen in the wild.
type wireError struct {
	Error    json.RawMessage `json:"error"`
	Errors   json.RawMessage `json:"errors"`
	Message  json.RawMessage `json:"message"`
	Msg      json.RawMessage `json:"msg"`
	Type     json.RawMessage `json:"type"`
	Code     json.RawMessage `json:"code"`
	Status   json.RawMessage `json:"status"` // Google's name of the type
	Detail   json.RawMessage `json:"detail"` // FastAPI: text, or a list of {"msg": …}
	Metadata struct {
		Raw json.RawMessage `json:"raw"` // OpenRouter: what its provider said
	} `json:"metadata"`
}

func parseObject(body []byte, depth int) Signal {
	body = firstOf(body)
	var w wireError
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &w) != nil && w.empty() {
		return Signal{Message: plainText(body)}
	}
	if inner := firstOf(first(w.Error, w.Errors)); len(inner) > 0 && inner[0] == '{' && depth < maxNested {
		s := parseObject(inner, depth+1)
		if s.Message == "" {
			s.Message = word(w.Message)
		}
		return s
	}
	s := Signal{Type: word(first(w.Type, w.Status)), Code: word(w.Code), Message: word(first(w.Message, w.Msg, w.Error, w.Errors))}
	if d := firstOf(w.Detail); s.Message == "" && len(d) > 0 {
		if d[0] == '{' && depth < maxNested {
			return parseObject(d, depth+1)
		}
		s.Message = word(d)
	}
	if raw := word(w.Metadata.Raw); raw != "" {
		s.Message = strings.TrimSpace(s.Message + ": " + raw)
	}
	return s
}

func (w *wireError) empty() bool {
	return len(first(w.Error, w.Errors, w.Message, w.Msg, w.Type, w.Code, w.Status, w.Detail)) == 0
}

// first returns the first value that is there and not null.
func first(values ...json.RawMessage) json.RawMessage {
	for _, v := range values {
		if len(v) > 0 && string(v) != "null" {
			return v
		}
	}
	return nil
}

// firstOf returns the first element of a JSON list, and b where it is none.
func firstOf(b []byte) []byte {
	if len(b) == 0 || b[0] != '[' {
		return b
	}
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil || len(list) == 0 {
		return b
	}
	return list[0]
}

// word returns a JSON string's text, or any other value as it is written:
// codes come as "429" and as 429.
func word(b json.RawMessage) string {
	var s string
	switch {
	case len(first(b)) == 0:
		return ""
	case b[0] == '"' && json.Unmarshal(b, &s) == nil:
		return s
	}
	return string(b)
}

var (
	htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>(.{1,200}?)</title>`)
	htmlTag   = regexp.MustCompile(`(?s)<[^>]*>`)
	spaces    = regexp.MustCompile(`\s+`)
)

// plainText makes one line of a body that is not JSON; of a page its title. It
// does not shorten it: half a key would get past the redaction, which comes
// before the cap.
func plainText(b []byte) string {
	b = b[:min(len(b), maxText)]
	if m := htmlTitle.FindSubmatch(b); m != nil {
		b = m[1]
	} else if len(b) > 0 && b[0] == '<' {
		b = htmlTag.ReplaceAll(b, []byte(" "))
	}
	return strings.TrimSpace(spaces.ReplaceAllString(string(b), " "))
}
