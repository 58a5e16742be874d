package grade

import (
	"context"
	"errors"
	"fmt"
	"math"

	"infer/eval"
)

// Embedder turns texts into vectors, all of one length. The calls say what was
// asked and what it cost, and are there with an error too.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float64, []eval.Call, error)
}

// Embedding accepts an answer whose embedding points nearly where that of the
// expected text does.
type Embedding struct {
	Threshold *float64 `json:"threshold" doc:"least cosine similarity that is accepted; it depends on the embedding model, so measure it on answers that you know" required:"true"`
	Value     string   `json:"value,omitempty" doc:"compare with this instead of the task's expected value"`

	Embedder Embedder `json:"-"` // set by whoever compiles the rule
}

// maxEmbedded is the longest text that is embedded, in bytes: models cut longer
// ones without a word.
const maxEmbedded = 24_000

// Prepare checks the threshold.
func (g *Embedding) Prepare() error {
	if g.Threshold == nil || !(*g.Threshold >= -1 && *g.Threshold <= 1) {
		return errors.New("similarity: threshold is not between -1 and 1")
	}
	return nil
}

// Grade compares the two embeddings.
func (g *Embedding) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want := g.Value
	if want == "" {
		var ok bool
		if want, ok = plainText(t); !ok {
			return noExpected("similarity", "text")
		}
	}
	got := r.Text.Raw()
	switch {
	case g.Embedder == nil:
		return unscored("similarity", "no embedder is configured")
	case len(got) > maxEmbedded || len(want) > maxEmbedded:
		return unscored("similarity", fmt.Sprintf("a text of %d bytes; at most %d are embedded", max(len(got), len(want)), maxEmbedded))
	case got == "":
		return pass("similarity", false, "the answer is empty")
	}
	vectors, calls, err := g.Embedder.Embed(ctx, []string{want, got})
	if err != nil {
		s := unscored("similarity", "the embedder failed: "+err.Error())
		s.Calls = calls
		return s
	}
	cos, ok := cosine(vectors)
	if !ok {
		s := unscored("similarity", "the embedder's vectors cannot be compared")
		s.Calls = calls
		return s
	}
	s := valued("similarity", cos >= *g.Threshold, max(0, min(1, cos)), fmt.Sprintf("cosine similarity %.4f to %s, need %.4g", cos, quote(want), *g.Threshold))
	s.Calls = calls
	return s
}

// cosine is a·b ÷ (|a|·|b|) of the two vectors; false where there are not two
// finite ones of one length above 0.
func cosine(vectors [][]float64) (float64, bool) {
	if len(vectors) != 2 || len(vectors[0]) != len(vectors[1]) {
		return 0, false
	}
	var dot, aa, bb float64
	for i, a := range vectors[0] {
		b := vectors[1][i]
		dot, aa, bb = dot+a*b, aa+a*a, bb+b*b
	}
	c := dot / math.Sqrt(aa*bb)
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return 0, false
	}
	return c, true
}
