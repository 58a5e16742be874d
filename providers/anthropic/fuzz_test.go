package anthropic_test

import (
	"testing"

	"infer/providers/anthropic"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
)

func newCaller(cfg httpx.Config) (wiretest.Caller, error) { return anthropic.New(cfg) }

func FuzzAnswer(f *testing.F) {
	wiretest.Fuzz(f, newCaller, wiretest.Fixture(f, "stream.sse"), wiretest.Fixture(f, "tools.sse"), wiretest.Fixture(f, "whole.json"),
		`data: {"type":"content_block_delta","index":-1,"delta":{"text":"x"}}`, `data: {"type":"message_stop"}`)
}

func BenchmarkCall(b *testing.B) {
	wiretest.Bench(b, newCaller, wiretest.Fixture(b, "whole.json"), wiretest.Fixture(b, "stream.sse"))
}
