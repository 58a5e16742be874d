package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// Embeddings calls the embeddings endpoint of one base URL. A request's text is
// what is embedded; the answer's text is the vector, a JSON list of numbers. It is
// safe for concurrent use.
type Embeddings struct {
	*Client
	embeddings *url.URL
}

// NewEmbeddings checks the configuration. Errors are eval.KindInvalid.
func NewEmbeddings(cfg Config) (*Embeddings, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &Embeddings{c, c.URL("embeddings", "")}, nil
}

// Call embeds the text of the request's first message.
func (c *Embeddings) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encodeEmbedding(req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.embeddings, Body: body, Limits: req.Limits}, &vector{})
}

func encodeEmbedding(req *eval.Request) ([]byte, error) {
	text := ""
	if len(req.Messages) > 0 {
		text = req.Messages[0].Text()
	}
	m := make(map[string]any, len(req.Params)+3)
	for k, v := range req.Params {
		m[k] = v
	}
	m["model"], m["input"], m["encoding_format"] = req.Model, text, "float"
	return json.Marshal(m)
}

// maxDimensions bounds a vector; the largest models in use have a few thousand.
const maxDimensions = 65_536

// vector is an answer of the embeddings endpoint.
type vector struct {
	values []float64
	model  string
	usage  json.RawMessage
}

var _ httpx.Answer = (*vector)(nil)

// Whole takes the answer.
func (v *vector) Whole(b []byte) *providers.Signal {
	var w struct {
		Model string `json:"model"`
		Data  []struct {
			Embedding []float64 `json:"embedding"`
		} `json:"data"`
		Usage json.RawMessage `json:"usage"`
	}
	bad := func(why string) *providers.Signal {
		return &providers.Signal{Err: providers.ErrMalformed, Message: why}
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return bad("the answer is no list of embeddings")
	}
	if len(w.Data) != 1 || len(w.Data[0].Embedding) == 0 || len(w.Data[0].Embedding) > maxDimensions {
		return bad("the answer does not hold one embedding")
	}
	v.values, v.model, v.usage = w.Data[0].Embedding, w.Model, w.Usage
	return nil
}

// Event refuses: embeddings are not streamed.
func (v *vector) Event(httpx.Event) (httpx.Progress, *providers.Signal) {
	return httpx.Progress{}, &providers.Signal{Err: providers.ErrMalformed, Message: "embeddings came as a stream"}
}

// Into writes the vector as the response's text.
func (v *vector) Into(r *eval.Response) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, f := range v.values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
	}
	b.WriteByte(']')
	r.Text, r.Finish, r.Model = eval.Untrusted(b.String()), eval.FinishStop, v.model
	r.Usage = embeddingUsage(v.usage)
}

// embeddingUsage is usage for a call that writes no tokens, which servers then
// leave out.
func embeddingUsage(raw json.RawMessage) *eval.Usage {
	var w wireUsage
	if len(raw) == 0 || json.Unmarshal(raw, &w) != nil {
		return nil
	}
	if w.Completion == nil {
		zero := int64(0)
		w.Completion = &zero
	}
	return w.axes(raw, "")
}
