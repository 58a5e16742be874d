package eval

import "time"

// Batch is many calls of one model that are sent at once, for less money and with
// no word on when each is answered: what comes of it has no latency.
type Batch struct {
	Key       string // ours, unique; written before anything is sent
	ID        string // the provider's; "" = not known
	Candidate string // name of the candidate that is called
	Provider  string
	Model     string
	State     BatchState
	Calls     []Digest // keys of the calls, see BatchKey
	SentAt    time.Time
	EndedAt   *time.Time // when it was seen to have ended; nil = it has not
}

// BatchState is how far a batch has come.
type BatchState string

// The states of a batch.
const (
	BatchSending BatchState = "sending" // about to be sent: the provider may have it or not
	BatchSent    BatchState = "sent"
	BatchEnded   BatchState = "ended"
	BatchVoid    BatchState = "void" // the provider has no such batch, or refused it: nothing came of it
)

// BatchCall is one call of a batch.
type BatchCall struct {
	Key     Digest // in hexadecimal, what the provider knows the call by
	Request *Request
	// Failure is set where the call could not be written, and was left out.
	Failure *Failure
}

// BatchProgress is what a provider says of a batch that it has.
type BatchProgress struct {
	Ended      bool
	Done, Last int // calls that have an outcome, of how many; 0 of 0 = it does not say
}

// BatchKey names one call for a provider. It is the same whenever the same call of
// the same run is asked for again, so that its answer is found and not paid for
// twice. earlier is how many attempts the cell had when this trial of it began.
func BatchKey(run, target string, candidate, task, repeat, earlier, attempt int) Digest {
	return DigestJSON([]any{"batch", run, target, candidate, task, repeat, earlier, attempt})
}
