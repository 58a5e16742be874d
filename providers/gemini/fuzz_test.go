package gemini_test

import (
	"testing"

	"infer/providers/internal/wiretest"
)

func FuzzAnswer(f *testing.F) {
	wiretest.Fuzz(f, newCaller, fixture(f, "stream.sse"), fixture(f, "whole.json"), fixture(f, "tools.json"),
		`data: {"promptFeedback":{"blockReason":"SAFETY"}}`, `[{"error":{"code":429}}]`)
}

func BenchmarkCall(b *testing.B) {
	wiretest.Bench(b, newCaller, fixture(b, "whole.json"), fixture(b, "stream.sse"))
}
