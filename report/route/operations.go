package route

import (
	"fmt"
	"slices"
	"sort"

	"infer/eval"
	"infer/report"
)

// operations answers what is asked of a running system.
func (in *ChecklistInput) operations() []Operation {
	out := []Operation{
		{"fails_most", "Which task types fail most?", in.failsMost()},
		{"provider_limits", "Which failures come from provider limits?", in.providerLimits()},
		{"cheap_retries", "Which cheap models raise retries?", in.cheapRetries()},
		{"upgrade", "Which tasks should move to a stronger model?", in.moves("upgrade", func(d *eval.TypeDecision) []eval.Alternative { return d.Escalate })},
		{"move_down", "Which tasks can move to a cheaper model?", in.moves("move down", func(d *eval.TypeDecision) []eval.Alternative { return d.Downgrade })},
	}
	return out
}

// mostLines bounds a list.
const mostLines = 5

// failsMost lists task types by how often their default, or without one anybody,
// was not accepted.
func (in *ChecklistInput) failsMost() []string {
	type line struct {
		bad  float64
		text string
	}
	var all []line
	for _, t := range in.taskTypes() {
		var n, bad, errored int64
		who := in.defaultOf(t)
		for i := range in.Report.Cells {
			c := &in.Report.Cells[i]
			if c.TaskType == t && (who == "" || c.Candidate == who) {
				n, bad, errored = n+c.N-c.Unscored-c.Diverged, bad+c.Rejected+c.Errored, errored+c.Errored
			}
		}
		if n == 0 || bad == 0 {
			continue
		}
		by := "over all candidates"
		if who != "" {
			by = "with " + name(who)
		}
		all = append(all, line{float64(bad) / float64(n), fmt.Sprintf("%s: %s not accepted %s (%d of %d, %d of them errors)", name(t), share(bad, n), by, bad, n, errored)})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].bad > all[j].bad })
	var out []string
	for i, l := range all {
		if i == mostLines {
			break
		}
		out = append(out, l.text)
	}
	return orNone(out, "none: every judged answer was accepted")
}

func (in *ChecklistInput) taskTypes() []string {
	var out []string
	for i := range in.Report.Cells {
		if t := in.Report.Cells[i].TaskType; t != report.Overall && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func (in *ChecklistInput) defaultOf(taskType string) string {
	for i := range in.types() {
		if in.types()[i].TaskType == taskType {
			return in.types()[i].Default
		}
	}
	return ""
}

func orNone(lines []string, none string) []string {
	if len(lines) == 0 {
		return []string{none}
	}
	return lines
}

// limitClasses are the failures that a provider's limits cause.
var limitClasses = []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork}

// providerLimits lists, by candidate, the errors that a provider caused.
func (in *ChecklistInput) providerLimits() []string {
	var out []string
	for i := range in.Report.Cells {
		c := &in.Report.Cells[i]
		if c.TaskType != report.Overall {
			continue
		}
		for _, class := range limitClasses {
			if n := c.Errors[class]; n > 0 {
				out = append(out, fmt.Sprintf("%s at %s: %d of %d trials ended in %s", name(c.Candidate), name(in.providerOf(c.Candidate)), n, c.N, class))
			}
		}
	}
	return orNone(out, "none in this run")
}

func (in *ChecklistInput) providerOf(candidate string) string {
	for i := range in.Report.Run.Candidates {
		if c := &in.Report.Run.Candidates[i]; c.Name == candidate {
			return c.Provider
		}
	}
	return ""
}

// cheapRetries lists the candidates that ask more than once for an answer although
// they are not the dearest by the price of a call.
func (in *ChecklistInput) cheapRetries() []string {
	type entry struct {
		cell *report.Cell
		call float64 // dollars
	}
	var all []entry
	dearest := 0.0
	for i := range in.Report.Cells {
		c := &in.Report.Cells[i]
		if c.TaskType != report.Overall || c.Attempts == 0 || c.Cost.Total == nil {
			continue
		}
		e := entry{c, eval.Money(*c.Cost.Total).Float() / float64(c.Attempts)}
		if c.Split.Repair.Total != nil { // a person's time is not the model's price
			e.call -= eval.Money(*c.Split.Repair.Total).Float() / float64(c.Attempts)
		}
		all = append(all, e)
		dearest = max(dearest, e.call)
	}
	var out []string
	for _, e := range all {
		again := e.cell.Retries + e.cell.Regenerations
		if again == 0 || e.call >= dearest && len(all) > 1 {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s a call, but %d retries and %d regenerations on %d trials; %s", name(e.cell.Candidate), dollars(e.call), e.cell.Retries, e.cell.Regenerations, e.cell.N, costText(&e.cell.CostPerAccepted)))
	}
	return orNone(out, "none: no cheaper candidate was asked more than once")
}

// moves lists what a recommendation would move.
func (in *ChecklistInput) moves(verb string, of func(*eval.TypeDecision) []eval.Alternative) []string {
	if in.Recommendation == nil {
		return []string{"unknown: there is no recommendation"}
	}
	var out []string
	open := 0
	for i := range in.types() {
		d := &in.types()[i]
		if !selected(d) {
			open++
		}
		for _, a := range of(d) {
			out = append(out, fmt.Sprintf("%s, from %s to %s: %s", name(d.TaskType), name(d.Default), name(a.Candidate), eval.Untrusted(a.Rule).Line(300)))
		}
	}
	if open > 0 {
		out = append(out, fmt.Sprintf("%d of %d task types are undecided: what to %s there is not known", open, len(in.types()), verb))
	}
	return orNone(out, "none")
}
