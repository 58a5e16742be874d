package eval

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"sort"
)

// Histogram counts microseconds in log-linear buckets: values below 128 are
// exact, larger ones fall into buckets whose midpoint is within 2⁻⁸ (0.39 %) of
// them. Merging is addition, so any order of merging gives the same bits. The
// zero value is ready to use.
//
// The layout is that of HDR histograms with 7 sub-bucket bits and an unbounded
// range (statistics of order 64 × 128 buckets at most; only used ones exist).
type Histogram struct {
	counts map[uint16]uint32
	n      int64
}

const (
	subBits   = 7
	topBucket = (63-subBits+1)<<subBits - 1 // of the largest int64
)

// Add counts one value of so many microseconds; negative ones count as 0.
func (h *Histogram) Add(us int64) {
	if h.counts == nil {
		h.counts = make(map[uint16]uint32)
	}
	h.counts[bucketOf(us)]++
	h.n++
}

// Merge adds another histogram's counts to this one's.
func (h *Histogram) Merge(o *Histogram) {
	if o.n == 0 {
		return
	}
	if h.counts == nil {
		h.counts = make(map[uint16]uint32, len(o.counts))
	}
	for b, c := range o.counts {
		h.counts[b] += c
	}
	h.n += o.n
}

// N returns how many values were added.
func (h *Histogram) N() int64 { return h.n }

// Rank returns the value of rank k (1 is the smallest) in microseconds, within
// 0.39 %, and false where k is outside 1…N.
func (h *Histogram) Rank(k int64) (float64, bool) {
	if k < 1 || k > h.n {
		return 0, false
	}
	var seen int64
	for _, b := range h.buckets() {
		seen += int64(h.counts[b])
		if seen >= k {
			return midpoint(b), true
		}
	}
	return 0, false
}

// Quantile returns the q-quantile as the order statistic of rank ⌈q·n⌉ in
// microseconds, and false where the histogram is empty.
func (h *Histogram) Quantile(q float64) (float64, bool) {
	k := int64(math.Ceil(q * float64(h.n)))
	if k < 1 {
		k = 1
	}
	return h.Rank(k)
}

// Above counts the values whose bucket lies above us microseconds.
func (h *Histogram) Above(us int64) int64 {
	limit := bucketOf(us)
	var n int64
	for b, c := range h.counts {
		if b > limit {
			n += int64(c)
		}
	}
	return n
}

func (h *Histogram) buckets() []uint16 {
	bs := make([]uint16, 0, len(h.counts))
	for b := range h.counts {
		bs = append(bs, b)
	}
	sort.Slice(bs, func(i, j int) bool { return bs[i] < bs[j] })
	return bs
}

func bucketOf(us int64) uint16 {
	if us < 0 {
		us = 0
	}
	v := uint64(us)
	if v < 1<<subBits {
		return uint16(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return uint16((shift+1)<<subBits | int(v>>shift)&(1<<subBits-1))
}

func midpoint(b uint16) float64 {
	if b < 1<<subBits {
		return float64(b)
	}
	shift := int(b>>subBits) - 1
	low := uint64(1<<subBits|int(b)&(1<<subBits-1)) << shift
	return float64(low) + (float64(uint64(1)<<shift)-1)/2
}

// MarshalBinary writes the histogram compactly: pairs of bucket distance and
// count as unsigned varints, in bucket order.
func (h *Histogram) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 4*len(h.counts))
	last := uint16(0)
	for _, b := range h.buckets() {
		out = binary.AppendUvarint(out, uint64(b-last))
		out = binary.AppendUvarint(out, uint64(h.counts[b]))
		last = b
	}
	return out, nil
}

var errHistogram = errors.New("malformed histogram")

// UnmarshalBinary reads what MarshalBinary wrote.
func (h *Histogram) UnmarshalBinary(b []byte) error {
	*h = Histogram{counts: make(map[uint16]uint32)}
	last := uint64(0)
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 || d > topBucket || d == 0 && h.n > 0 {
			return errHistogram
		}
		c, m := binary.Uvarint(b[n:])
		if m <= 0 || c == 0 || c > math.MaxUint32 || last+d > topBucket {
			return errHistogram
		}
		last += d
		h.counts[uint16(last)] += uint32(c)
		h.n += int64(c)
		b = b[n+m:]
	}
	return nil
}

// MarshalText writes the binary form in base64, so that JSON can hold it.
func (h Histogram) MarshalText() ([]byte, error) {
	b, err := h.MarshalBinary()
	return base64.RawStdEncoding.AppendEncode(nil, b), err
}

// UnmarshalText reads what MarshalText wrote.
func (h *Histogram) UnmarshalText(text []byte) error {
	b, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return errHistogram
	}
	return h.UnmarshalBinary(b)
}
