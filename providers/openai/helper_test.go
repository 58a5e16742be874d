package openai_test

import (
	"io"
	"strings"
)

func newBody(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
