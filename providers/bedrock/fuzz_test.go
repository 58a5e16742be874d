package bedrock_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"infer/providers/bedrock"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
)

func FuzzAnswer(f *testing.F) {
	chain := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secret, "")
	wiretest.Fuzz(f, func(cfg httpx.Config) (wiretest.Caller, error) {
		return bedrock.New(context.Background(), bedrock.Config{Region: "us-east-1", BaseURL: "http://127.0.0.1", HTTP: cfg.HTTP, Chain: chain})
	}, whole, string(bytes.Join(events(f), nil)), string(frame(f, "exception", "throttlingException", `{"message":"x"}`)), `{"output":{"message":{"content":[{}]}},"stopReason":"tool_use"}`)
}
