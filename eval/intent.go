package eval

import "time"

// Intent is written durably before a paid call is sent. An intent that still
// stands after a crash is a call whose outcome is unknown and which may have
// been billed.
type Intent struct {
	TaskSeq   int
	Candidate int // index into Run.Candidates
	Repeat    int
	Attempt   int // Attempt.Seq
	At        time.Time
}
