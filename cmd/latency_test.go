package cmd_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOutlier: one call of 2,062 s among 200 of the leaderboard's published
// latencies (the family of the 15,530 s one) carries the mean from 4.5 to 14.8 s.
// What the report shows are order statistics, which it leaves alone.
func TestOutlier(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.FromSlash("../../shared/data/bfcl/results/deepseek-v3.1-terminus/BFCL_v4_simple_python_result.json"))
	if err != nil {
		t.Skipf("recorded data is not here: %v", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	var ms []float64
	var sum float64
	rows := []string{"task_id,task_type,candidate,accepted,latency_ms"}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var r struct {
			ID      string  `json:"id"`
			Latency float64 `json:"latency"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		ms, sum = append(ms, r.Latency*1000), sum+r.Latency
		rows = append(rows, fmt.Sprintf("%s,simple_python,deepseek,true,%.3f", r.ID, r.Latency*1000))
	}
	if err := lines.Err(); err != nil || len(ms) != 200 {
		t.Fatalf("%d cases, %v", len(ms), err)
	}
	slices.Sort(ms)
	if mean := sum / 200; mean < 14 || ms[199] < 2e6 {
		t.Fatalf("mean %.1f s, longest %.0f ms: the outlier is gone", mean, ms[199])
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bfcl.csv"), []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := program(t, dir, "import", "outcomes", "bfcl.csv", "--store", "bfcl.db", "--format", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Cells []struct {
			Latency struct {
				P50, P95 float64
				N        int
			} `json:"latency_ms"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(out, &r); err != nil || len(r.Cells) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	// Ranks ⌈n/2⌉ and ⌈0.95·n⌉.
	if got := r.Cells[0].Latency; got.N != 200 || math.Abs(got.P50-ms[99]) > 0.01 || math.Abs(got.P95-ms[189]) > 0.01 {
		t.Errorf("p50 %.3f, p95 %.3f of %d; want %.3f and %.3f", got.P50, got.P95, got.N, ms[99], ms[189])
	}
	t.Logf("p50 %.2f s, p95 %.2f s, mean %.1f s", ms[99]/1000, ms[189]/1000, sum/200)
}
