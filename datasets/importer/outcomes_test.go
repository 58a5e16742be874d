package importer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"infer/datasets"
	"infer/datasets/importer"
	"infer/eval"
)

// read returns the outcomes and the errors of a text.
func read(text string) (rows []importer.Outcome, bad []string) {
	for o, err := range importer.Outcomes(strings.NewReader(text), "log") {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		rows = append(rows, o)
	}
	return rows, bad
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	csv := "\ufefftask_id,task_type,candidate,accepted,cost_usd,latency_ms,retry_count,error_class,extra\n" +
		"t1,reply,alpha,true,0.0042,1500.5,2,,x\n" +
		"t2,reply,\"beta, the second\",no,,,,timeout,\n"
	jsonl := `{"task_id":"t1","task_type":"reply","candidate":"alpha","accepted":true,"cost_usd":0.0042,"latency_ms":1500.5,"retry_count":2,"nested":{"a":1}}` + "\n\n" +
		`{"task_id":"t2","task_type":"reply","candidate":"beta, the second","accepted":0,"cost_usd":null,"error_class":"timeout"}` + "\n"
	for name, text := range map[string]string{"csv": csv, "jsonl": jsonl} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, bad := read(text)
			if len(rows) != 2 || len(bad) != 0 {
				t.Fatalf("%d rows, errors %v", len(rows), bad)
			}
			a, b := rows[0], rows[1]
			if *a.Cost != 4_200_000_000 || *a.Latency != 1500500*time.Microsecond || *a.Retries != 2 || !*a.Accepted {
				t.Errorf("first row: %+v", a)
			}
			if b.Cost != nil || b.Latency != nil || b.Retries != nil || *b.Accepted || b.Class != eval.ClassTimeout || b.Candidate != "beta, the second" {
				t.Errorf("second row: %+v", b)
			}
		})
	}
}

// TestOutcomesBad: each bad row is named with its line, and the others are read.
func TestOutcomesBad(t *testing.T) {
	t.Parallel()
	head := "task_id,task_type,candidate,accepted,cost_usd,repeat,error_class\n"
	for _, c := range []struct {
		name, text, want string
		rows             int
	}{
		{"no column", "task_id,candidate,accepted\n1,a,1\n", "log:1: has no column task_type", 0},
		{"not true", head + "1,t,a,maybe,,,\n2,t,a,1,,,\n", `log:2: accepted "maybe" is neither true nor false`, 1},
		{"cost", head + "1,t,a,1,-3,,\n", `log:2: cost_usd "-3" is not an amount of dollars`, 0},
		{"repeat", head + "1,t,a,1,,x,\n", `log:2: repeat "x" is not a number from 0`, 0},
		{"class", head + "1,t,a,1,,,gremlins\n", `log:2: error_class "gremlins" is not a failure class`, 0},
		{"no candidate", head + "1,t,,1,,,\n", "log:2: has no candidate", 0},
		{"fields", head + "1,t,a,1\n2,t,a,1,,,\n", "log:2: wrong number of fields", 1},
		{"json", "{\"task_id\":\n{\"task_id\":\"1\",\"candidate\":\"a\",\"accepted\":true}\n", "log:1: is not a JSON object", 1},
		{"nothing said", `{"task_id":"1","candidate":"a"}`, "log:1: says neither accepted nor error_class", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, bad := read(c.text)
			if len(rows) != c.rows || len(bad) != 1 || !strings.HasPrefix(bad[0], c.want) {
				t.Errorf("%d rows, errors %q, want %d and %q", len(rows), bad, c.rows, c.want)
			}
		})
	}
	if rows, bad := read(""); len(rows)+len(bad) != 0 {
		t.Errorf("an empty file: %v %v", rows, bad)
	}
}

func FuzzOutcomes(f *testing.F) {
	f.Add("task_id,task_type,candidate,accepted\n1,t,a,1\n")
	f.Add(`{"task_id":"1","candidate":"a","accepted":true,"cost_usd":1e-7}`)
	f.Add("\"\n\xff,\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for o, err := range importer.Outcomes(strings.NewReader(text), "log") {
			var le *datasets.LineError
			switch {
			case errors.As(err, &le):
				if le.Line < last || le.Hint == "" {
					t.Fatalf("line %d after %d, hint %q", le.Line, last, le.Hint)
				}
				last = le.Line
			case err == nil:
				if o.TaskID == "" || o.Candidate == "" || o.TaskType == "" || o.Cost != nil && *o.Cost < 0 || o.Latency != nil && *o.Latency < 0 || o.Repeat < 0 {
					t.Fatalf("%+v", o)
				}
			}
		}
	})
}
