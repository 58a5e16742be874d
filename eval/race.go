package eval

// Race is how a run was raced: candidates that were shown not to be the choice for
// a task type were stopped there, and what of the plan was left out.
type Race struct {
	Alpha   float64    `json:"alpha"` // at most this likely is a wrong choice, for each task type
	Types   []RaceType `json:"types"`
	Skipped int        `json:"skipped_trials"` // of the plan, never run
	Saved   Cost       `json:"saved"`          // what they would have cost, at the mean of their candidate's own trials
}

// RaceType is what came of a race on one task type.
type RaceType struct {
	TaskType string `json:"task_type"`
	// Winner is the cheapest candidate that was shown to be within the margin of all
	// others, for high-risk work the best of them; "" = none was.
	Winner string `json:"winner,omitempty"`
	How    string `json:"how"` // in words
	// Tasks of Planned were tried by the candidates that stayed.
	Tasks   int        `json:"tasks"`
	Planned int        `json:"planned"`
	Stopped []RaceStop `json:"stopped,omitempty"`
}

// RaceStop is one candidate that was stopped.
type RaceStop struct {
	Candidate string `json:"candidate"`
	After     int    `json:"after_tasks"`
	Why       string `json:"why"`
}
