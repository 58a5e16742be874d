package eval

// Outcome is one trial as statistics see it: a narrow row.
type Outcome struct {
	TaskSeq   int32
	Cluster   int32 // number of the cluster within the run, from 0
	TaskType  int32 // index into Summary.TaskTypes
	Candidate int32 // index into Run.Candidates
	Repeat    int32
	Verdict   Verdict
	Class     Class // of an errored trial
	Retries   int32
	Attempts  int32
	Fallback  bool
	FirstTry  bool // accepted at the first answer
	HumanFix  bool
	Critical  bool // a wrong answer to a task where that is a critical failure
	Cost      Cost
	LatencyUS int64 // user-visible, -1 = unknown
	TTFTUS    int64 // -1 = unknown
}

// Cell holds the sums of one candidate on one task type in one run. Sums of
// disjoint cells add up in any order to the same figures.
type Cell struct {
	TaskType  string
	Candidate int // index into Run.Candidates

	N                 int64
	Accepted          int64
	Rejected          int64
	Unscored          int64
	Errored           int64
	Diverged          int64
	NeedsConfirmation int64
	Judged            int64 // trials that rates are taken over; see the function Judged
	FirstTry          int64 // accepted at the first answer
	AfterRegen        int64 // accepted without a person
	Errors            map[Class]int64
	Samples           map[Class]Untrusted // by class: what the first such failure said; only over all task types

	Attempts      int64
	Retries       int64
	Untold        int64 // trials that were run elsewhere and did not come with their retries
	Fallbacks     int64
	Regenerations int64
	HumanFixes    int64

	Split CostSplit
	// Abandoned is what was spent on tasks that were never accepted: a part of the
	// whole across the parts of Split, not one more of them.
	Abandoned Cost
	// Review is what people's time on reviews cost, mending apart: not part of the
	// final cost, as judging is not.
	Review Cost

	// Sums over clusters g of T_g (accepted), N_g (judged trials) and C_g (lower
	// end of the cost in US dollars), for the cluster-robust intervals. Clusters
	// counts those with a judged trial, CostClusters all of them.
	Clusters, CostClusters int64
	SumT2, SumTN, SumN2    float64
	SumC, SumC2, SumCT     float64

	// ExactLatency and ExactTTFT are the order statistics of ranks ⌈n/2⌉ and
	// ⌈0.95·n⌉ in microseconds; nil where nothing was measured, and where there
	// are more than ExactLimit values, of which only the histograms are kept.
	ExactLatency, ExactTTFT *[2]int64

	Latency Histogram // user-visible, microseconds
	TTFT    Histogram // to the first token of the answer that counts, microseconds
	Flight  Histogram // of every attempt but those made in a batch, microseconds
	Queue   Histogram // of every attempt, microseconds
}

// ExactLimit is how many values of a cell are sorted exactly.
const ExactLimit = 100_000

// Cost is the final cost of all the cell's trials.
func (c *Cell) Cost() Cost { return c.Split.Final() }
