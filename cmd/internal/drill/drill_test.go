package drill_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"infer/cmd/internal/drill"
	"infer/eval"
	"infer/report/route"
)

// table has a route of every kind: with a backup, with a person's word first, with
// a model for long inputs, and with neither.
func table() *route.Routes {
	classes := []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork}
	retry := route.Retry{Max: 2, BackupMax: 1, On: classes, BaseDelayMS: 20, MaxDelayMS: 2000}
	m := func(name string) route.Model {
		return route.Model{Name: name, API: route.APIOpenAI, Model: "model-" + name, BaseURL: "http://127.0.0.1:9/v1"}
	}
	return &route.Routes{Schema: route.Schema, Models: []route.Model{m("one"), m("two"), m("large")}, Routes: []route.Route{
		{TaskType: "backed", Default: "one", Backup: "two", On: classes, StopAfterBackup: true, Retry: retry, TimeoutMS: 60_000, Params: route.Params{"temperature": json.RawMessage("0")}},
		{TaskType: "confirmed", Default: "one", Confirm: true, ConfirmBackup: "two", StopAfterBackup: true, Retry: route.Retry{Max: 1, On: classes, BaseDelayMS: 20}, TimeoutMS: 60_000},
		{TaskType: "long", Default: "one", Backup: "two", ContextBackup: "large", On: []eval.Class{eval.ClassUnavailable}, StopAfterBackup: true, TimeoutMS: 60_000, FirstTokenMS: 30_000},
		{TaskType: "plain", Default: "one", StopAfterBackup: true},
	}}
}

// TestEngine drills infer's own engine: every case on every kind of route must come
// to what the rule says.
func TestEngine(t *testing.T) {
	t.Parallel()
	r := table()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	g, err := drill.Open(drill.Options{Routes: r, Timeout: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	d := &route.Drill{}
	if err := g.Run(context.Background(), drill.NewEngine(g), d); err != nil {
		t.Fatal(err)
	}
	if want := len(r.Routes) * len(route.Cases()); len(d.Cases) != want {
		t.Fatalf("%d cases, want %d", len(d.Cases), want)
	}
	for _, c := range d.Cases {
		if c.Verdict != route.AsRuled || c.Broken {
			t.Errorf("%s %s: %s %+v expected %+v %v", c.TaskType, c.Case, c.Verdict, c.Observed, c.Expected, c.Notes)
		}
		other := c.Observed.Outcome == route.FromBackup || c.Observed.Outcome == route.FromContext || c.Observed.Outcome == route.Asked
		if other != (c.Observed.Reason != "") {
			t.Errorf("%s %s: left with %s for the reason %q", c.TaskType, c.Case, c.Observed.Outcome, c.Observed.Reason)
		}
		if c.Case == "rate_limit_wait" {
			for _, w := range c.Observed.Waits {
				if w < 1 {
					t.Errorf("%s: asked again after %.3f s although told to wait 1 s", c.TaskType, w)
				}
			}
		}
	}
}
