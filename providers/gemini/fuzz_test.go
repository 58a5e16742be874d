package gemini_test

import (
	"testing"

	"infer/providers/internal/wiretest"
)

func FuzzAnswer(f *testing.F) {
	wiretest.Fuzz(f, newCaller, wiretest.Fixture(f, "stream.sse"), wiretest.Fixture(f, "whole.json"), wiretest.Fixture(f, "tools.json"),
		`data: {"promptFeedback":{"blockReason":"SAFETY"}}`, `[{"error":{"code":429}}]`)
}

func BenchmarkCall(b *testing.B) {
	wiretest.Bench(b, newCaller, wiretest.Fixture(b, "whole.json"), wiretest.Fixture(b, "stream.sse"))
}
