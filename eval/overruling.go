package eval

import "time"

// Overruling is a person's choice of a default against what was decided, with the
// reason. It is stored beside the evidence and never becomes a part of it.
type Overruling struct {
	TaskType string    `json:"task_type"`
	Default  string    `json:"default"` // candidate name; "" = what the evidence says, again
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}
