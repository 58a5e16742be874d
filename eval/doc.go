// Package eval holds the domain of infer and nothing else: the words below, as
// types. It imports only the standard library, and every other package imports
// it, so that two packages that must agree on a word agree on a type.
//
//	task         one recorded real unit of work: one dataset line
//	task type    the team's own name for a kind of work
//	candidate    what is evaluated: a model as configured, or a whole policy
//	run          one execution of a plan: dataset × candidates × repeats
//	trial        one repeat of one task by one candidate, to its final outcome
//	attempt      one provider call inside a trial
//	grader       judges one response and gives a score
//	verdict      accepted, rejected, unscored, errored, diverged or
//	             needs_confirmation; never a number
//	origin       observed, imputed, estimated or unknown
//	cell         the figures of one candidate on one task type in one run
//
// Three rules hold everywhere. Unknown is never 0: what may be missing is a
// pointer, a Cost range or an Origin. Money is exact integers (pico-USD).
// Durations are measured on the monotonic clock and stored in microseconds.
//
// The package does no input or output and knows nothing of providers, SQL or
// terminals.
package eval
