package eval_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"infer/eval"
)

// micros draws times from a microsecond to years, and odd ones.
func micros(t *rapid.T) []int64 {
	one := rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 10_000_000), rapid.Int64Min(0), rapid.SampledFrom([]int64{127, 128, 129, 255, 256, math.MaxInt64, 1 << 62}))
	return rapid.SliceOfN(one, 1, 200).Draw(t, "micros")
}

func histogram(values []int64) *eval.Histogram {
	h := new(eval.Histogram)
	for _, v := range values {
		h.Add(v)
	}
	return h
}

// TestHistogramRanks compares every rank with the sorted values: within 2⁻⁸, and
// exact below 128 µs.
func TestHistogramRanks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := micros(t)
		h := histogram(values)
		slices.Sort(values)
		for i, want := range values {
			got, ok := h.Rank(int64(i + 1))
			if !ok {
				t.Fatalf("no rank %d of %d", i+1, len(values))
			}
			if err := math.Abs(got - float64(want)); want < 128 && err != 0 || err > float64(want)/256 {
				t.Fatalf("rank %d is %v, want %d: off by %.3f %%", i+1, got, want, 100*err/float64(want))
			}
		}
		if _, ok := h.Rank(0); ok {
			t.Fatal("there is a rank 0")
		}
		if _, ok := h.Rank(int64(len(values) + 1)); ok {
			t.Fatal("there is a rank above the count")
		}
	})
}

// TestHistogramQuantiles takes the order statistic of rank ⌈q·n⌉.
func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	h := histogram([]int64{10, 20, 30, 40})
	for q, want := range map[float64]float64{0: 10, 0.25: 10, 0.26: 20, 0.5: 20, 0.75: 30, 0.95: 40, 1: 40} {
		if got, ok := h.Quantile(q); !ok || got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if _, ok := new(eval.Histogram).Quantile(0.5); ok {
		t.Error("nothing has a median")
	}
	h.Add(-5)
	if got, _ := h.Rank(1); got != 0 {
		t.Errorf("a time below 0 counts as %v", got)
	}
	if n := h.Above(25); n != 2 {
		t.Errorf("%d values above 25, want 2", n)
	}
}

// TestHistogramMerge adds up to the same bits in any order.
func TestHistogramMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := micros(t), micros(t), micros(t)
		merge := func(parts ...[]int64) []byte {
			h := new(eval.Histogram)
			for _, p := range parts {
				h.Merge(histogram(p))
			}
			return binary(t, h)
		}
		want := binary(t, histogram(slices.Concat(a, b, c)))
		for _, got := range [][]byte{merge(a, b, c), merge(c, a, b), merge(b, slices.Concat(c, a)), merge(nil, a, nil, c, b)} {
			if !bytes.Equal(got, want) {
				t.Fatalf("merged %x, want %x", got, want)
			}
		}
	})
}

func binary(t interface{ Fatal(...any) }, h *eval.Histogram) []byte {
	b, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestHistogramRoundTrip writes and reads both forms.
func TestHistogramRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := histogram(micros(t))
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var back eval.Histogram
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(binary(t, h), binary(t, &back)) || back.N() != h.N() {
			t.Fatalf("read %x, wrote %x", binary(t, &back), binary(t, h))
		}
		back.Add(5) // what was read can be added to
	})
	var zero eval.Histogram
	if err := zero.UnmarshalText(nil); err != nil || zero.N() != 0 {
		t.Errorf("an empty one: %v", err)
	}
}

// FuzzHistogram reads any bytes as a histogram: an error, or one that is written
// as the same histogram and whose ranks are in order.
func FuzzHistogram(f *testing.F) {
	f.Add(binary(f, histogram([]int64{1, 2, 500, 70_000, math.MaxInt64})))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1})
	f.Add([]byte{1, 0})
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h eval.Histogram
		if h.UnmarshalBinary(b) != nil {
			return
		}
		var back eval.Histogram
		if err := back.UnmarshalBinary(binary(t, &h)); err != nil || back.N() != h.N() || !bytes.Equal(binary(t, &h), binary(t, &back)) {
			t.Fatalf("%x is written as %x: %v", b, binary(t, &h), err)
		}
		last := -1.0
		for _, k := range []int64{1, h.N() / 2, h.N()} {
			if v, ok := h.Rank(k); ok && v < last {
				t.Fatalf("rank %d is %v, below %v", k, v, last)
			} else if ok {
				last = v
			}
		}
	})
}
