package wiretest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
)

// update is -update: write the golden requests anew.
var update = flag.Bool("update", false, "write the golden requests anew")

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func user(text string) []eval.Message { return []eval.Message{eval.TextMessage("user", text)} }

// png is the head of a PNG: enough for what looks at contents.
var png = []byte("\x89PNG\r\n\x1a\n")

// Requests are the requests that every wire translates, by the name of their
// golden file.
func Requests() map[string]eval.Request {
	weather := raw(`[{"type":"function","function":{"name":"weather","description":"Weather of a city","strict":true,` +
		`"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}]`)
	schema := raw(`{"type":"json_schema","json_schema":{"name":"invoice","strict":true,"schema":{"type":"object",` +
		`"properties":{"total":{"type":"number"}},"required":["total"],"additionalProperties":false}}}`)
	return map[string]eval.Request{
		"text": {Model: "m-1", Messages: user("a \"b\" <c>\n\u2028 é 🇮🇹")},
		"system_examples_params": {Model: "m-1", System: "You answer in one word.", Stream: true,
			Messages: []eval.Message{eval.TextMessage("user", "2+2?"), eval.TextMessage("assistant", "four"), eval.TextMessage("user", "3+3?")},
			Params: eval.Params{"max_tokens": raw("300"), "temperature": raw("0"), "top_p": raw("0.9"), "stop": raw(`["\n","END"]`),
				"an_unknown_one": raw(`{"a":[1,2]}`)}},
		"images": {Model: "m-1", Messages: []eval.Message{{Role: "user", Parts: []eval.Part{{Type: eval.PartText, Text: "what is it?"},
			{Type: eval.PartImage, Data: png, MIME: "image/webp"}, {Type: eval.PartVideoFrame, Data: png, MIME: "image/png"}}}}},
		"file": {Model: "m-1", Messages: []eval.Message{{Role: "user", Parts: []eval.Part{{Type: eval.PartText, Text: "sum it up"},
			{Type: eval.PartFile, Path: "reports/q3 (final).pdf", Data: []byte("%PDF-1.7"), MIME: "application/pdf"}}}}},
		"tools": {Model: "m-1", Tools: weather, Params: eval.Params{"tool_choice": raw(`{"type":"function","function":{"name":"weather"}}`), "parallel_tool_calls": raw("false")},
			Messages: []eval.Message{eval.TextMessage("user", "Weather in Florence and Rome?"),
				{Role: "assistant", ToolCalls: []eval.ToolCall{{ID: "a", Name: "weather", Arguments: raw(`{"city":"Florence"}`)}, {ID: "b", Name: "weather", Arguments: raw(`{"city":"Rome"}`)}}},
				{Role: "tool", ToolCallID: "a", Name: "weather", Parts: []eval.Part{{Type: eval.PartText, Text: "21 C"}}},
				{Role: "tool", ToolCallID: "b", Parts: []eval.Part{{Type: eval.PartText, Text: `{"c":23}`}}},
				eval.TextMessage("user", "And tomorrow?")}},
		"structured": {Model: "m-1", Messages: user("Total: 12.50"), ResponseFormat: schema},
	}
}

// Fixture reads a file of the package's testdata.
func Fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Golden compares the body of a request with testdata/requests/NAME.json.
func Golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		t.Fatalf("body is not JSON: %v\n%s", err, body)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", "requests", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(pretty.String(), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
