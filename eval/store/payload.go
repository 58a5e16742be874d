package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"infer/eval"
)

// Texts below packFrom bytes do not shrink enough to pay for the frame.
const packFrom = 256

// maxText bounds what a stored text may unpack to: no file can make a reader
// allocate without end.
const maxText = 256 << 20

const (
	codecPlain = 0
	codecZstd  = 1
)

type packer struct{ enc *zstd.Encoder }

func newPacker() *packer {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err) // the options are constants
	}
	return &packer{enc}
}

func (p *packer) pack(b []byte) (int, []byte) {
	if len(b) < packFrom {
		return codecPlain, b
	}
	if z := p.enc.EncodeAll(b, nil); len(z) < len(b) {
		return codecZstd, z
	}
	return codecPlain, b
}

// newDecoder returns what every text of a store is unpacked with.
func newDecoder() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxText))
	if err != nil {
		panic(err) // the options are constants
	}
	return dec
}

func (s *Store) unpack(codec int, body []byte) ([]byte, error) {
	if codec == codecPlain {
		return body, nil
	}
	b, err := s.zstd.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack text: %w", err)
	}
	return b, nil
}

// Text returns the text stored under a digest.
func (s *Store) Text(ctx context.Context, d eval.Digest) ([]byte, error) {
	var codec int
	var body []byte
	err := s.read.QueryRowContext(ctx, "SELECT codec, body FROM payloads WHERE digest = ?", d[:]).Scan(&codec, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("text %s is not in the store", d.Short())
	}
	if err != nil {
		return nil, explain(s.path, err)
	}
	return s.unpack(codec, body)
}
