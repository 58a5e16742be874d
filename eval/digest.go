package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest is the first half of a SHA-256: 16 bytes, enough to name a text among
// all the texts of a store.
type Digest [16]byte

// DigestOf returns the digest of the concatenation of parts, each preceded by
// its length so that moving a byte from one part to the next changes it.
func DigestOf(parts ...[]byte) Digest {
	h := sha256.New()
	if len(parts) == 1 {
		h.Write(parts[0])
	} else {
		for _, p := range parts {
			n := len(p)
			h.Write([]byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
			h.Write(p)
		}
	}
	var d Digest
	copy(d[:], h.Sum(nil))
	return d
}

// DigestJSON returns the digest of v's JSON encoding. It panics if v cannot be
// encoded, which for the plain data types of this package cannot happen.
func DigestJSON(v any) Digest {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("eval: digest of %T: %v", v, err))
	}
	return DigestOf(b)
}

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first 12 hexadecimal digits, for people.
func (d Digest) Short() string { return d.String()[:12] }

// IsZero reports whether the digest was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 32 hexadecimal digits.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 2*len(d) {
		return fmt.Errorf("digest %q: want %d hexadecimal digits", b, 2*len(d))
	}
	_, err := hex.Decode(d[:], b)
	return err
}
