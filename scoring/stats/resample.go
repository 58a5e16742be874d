package stats

import (
	"math/rand/v2"
)

// MaxBuckets is how many buckets clusters are hashed into at most for
// resampling. With no more clusters than that, each has its own bucket and a
// resample is the ordinary cluster bootstrap.
const MaxBuckets = 2048

// Bucket returns the bucket, of n, that a seed puts a cluster's number into. It
// depends on nothing else, so any shard agrees.
func Bucket(seed, cluster uint64, n int) int {
	return int(mix(seed^mix(cluster)) % uint64(n))
}

// mix is the finalizer of SplitMix64: every bit of the result depends on every
// bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Draws are the bootstrap's draws: how often each bucket is drawn in each
// resample. All candidates share them, which keeps their pairing.
type Draws struct {
	Buckets, Resamples int
	counts             []uint8
}

// NewDraws draws, for each resample, as many buckets with replacement as there
// are.
func NewDraws(buckets, resamples int, seed uint64) *Draws {
	d := &Draws{Buckets: buckets, Resamples: resamples, counts: make([]uint8, buckets*resamples)}
	rng := rand.New(rand.NewPCG(seed, 0x5e5a3b1e))
	for r := range resamples {
		row := d.Row(r)
		for range buckets {
			if i := rng.IntN(buckets); row[i] < 255 {
				row[i]++
			}
		}
	}
	return d
}

// Row is how often each bucket is drawn in resample r.
func (d *Draws) Row(r int) []uint8 { return d.counts[r*d.Buckets : (r+1)*d.Buckets] }

// Sums are values summed within buckets: width values a bucket.
type Sums struct {
	Width  int
	Values []float64 // by bucket, then value
}

// NewSums makes empty sums.
func NewSums(buckets, width int) *Sums {
	return &Sums{Width: width, Values: make([]float64, buckets*width)}
}

// Bucket is the values of one bucket, to be added to.
func (s *Sums) Bucket(i int) []float64 { return s.Values[i*s.Width : (i+1)*s.Width] }

// Merge adds the sums of other clusters, in the same buckets.
func (s *Sums) Merge(o *Sums) {
	for i, v := range o.Values {
		s.Values[i] += v
	}
}

// Total adds up the buckets, each as often as weights say; nil = once. dst must
// have Width values; it is overwritten.
func (s *Sums) Total(dst []float64, weights []uint8) {
	clear(dst)
	w := s.Width
	for i := 0; i*w < len(s.Values); i++ {
		c := 1.0
		if weights != nil {
			if weights[i] == 0 {
				continue
			}
			c = float64(weights[i])
		}
		row := s.Values[i*w : i*w+w]
		d := dst[:len(row)]
		for k, v := range row {
			d[k] += c * v
		}
	}
}

// Together is how many resamples Totals adds up in one pass over the buckets.
const Together = 4

// Totals is Total for several rows of draws at once, which reads the buckets once
// for all of them. Every dst must have Width values.
func (s *Sums) Totals(dst *[Together][]float64, weights *[Together][]uint8) {
	w := s.Width
	for i := range dst {
		clear(dst[i])
	}
	d0, d1, d2, d3 := dst[0][:w], dst[1][:w], dst[2][:w], dst[3][:w]
	for i := 0; i*w < len(s.Values); i++ {
		c0, c1, c2, c3 := float64(weights[0][i]), float64(weights[1][i]), float64(weights[2][i]), float64(weights[3][i])
		row := s.Values[i*w : i*w+w]
		for k := range d0 {
			v := row[k]
			d0[k] += c0 * v
			d1[k] += c1 * v
			d2[k] += c2 * v
			d3[k] += c3 * v
		}
	}
}

// Halves splits the buckets into two random halves: 1 in the first where the
// bucket belongs to it, 1 in the second where it does not.
func Halves(buckets int, rng *rand.Rand) (first, second []uint8) {
	first, second = make([]uint8, buckets), make([]uint8, buckets)
	for i, k := range rng.Perm(buckets) {
		if 2*i < buckets {
			first[k] = 1
		} else {
			second[k] = 1
		}
	}
	return first, second
}
