package tui_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/report"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

// running is an evaluation that stands still.
type running struct {
	state tui.LiveState
	did   []tui.LiveAction
}

func (r *running) State() tui.LiveState { return r.state }

func (r *running) Act(a tui.LiveAction) {
	r.did = append(r.did, a)
	switch a.Do {
	case tui.LiveHold:
		r.state.Held = true
	case tui.LiveRelease:
		r.state.Held = false
	case tui.LiveDrop:
		r.state.Candidates[a.Candidate].Dropped = true
	case tui.LiveStop:
		r.state.Stopping = true
	}
}

func underWay() *running {
	lo, hi, p95, pace := 0.885, 0.942, 1830*time.Millisecond, 300.0
	return &running{state: tui.LiveState{Run: "r0", Name: "tickets", Done: 1240, Total: 3000, Rate: 84.2, Left: 21 * time.Second, Cost: eval.Between(12_300_000_000, 15_000_000_000),
		Candidates: []tui.LiveCandidate{
			{Name: "small", Done: 620, Planned: 1000, Judged: 620, Accepted: 567, Interval: report.Rate{Lo: &lo, Hi: &hi}, Cost: eval.Exactly(4_100_000_000), P95: &p95,
				Failed: map[eval.Class]int64{eval.ClassRateLimit: 12, eval.ClassTimeout: 3}},
			{Name: "large", Done: 600, Planned: 1000, Judged: 0, Cost: eval.UnknownCost()},
			{Name: "gone", Done: 20, Planned: 20, Judged: 20, Accepted: 9, Cost: eval.Exactly(0), Dropped: true}},
		Limits: []eval.Throttle{{Provider: "openai", Cause: eval.ThrottleRateLimit, Calls: 32, PerMinute: &pace}, {Provider: "local", Cause: eval.ThrottleGrow, Calls: 1}}}}
}

// still does not begin to read the figures again and again.
type still struct{ tea.Model }

func (still) Init() tea.Cmd { return nil }

func live(t *testing.T, r *running, width, height int) *tuitest.Driver {
	t.Helper()
	return tuitest.New(t, still{tui.NewLive(tui.LiveOptions{Source: r, Output: new(bytes.Buffer), Input: new(bytes.Buffer)})}, width, height)
}

func TestLiveViews(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"live": nil, "live-help": {"?"}, "live-paused": {"p"}, "live-drop": {"j", "d"}, "live-stopping": {"q"}} {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}, {40, 3}, {0, 0}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				view := live(t, underWay(), size[0], size[1]).Press(keys...).View()
				if n := strings.Count(view, "\n") + 1; n > max(size[1], 1) {
					t.Errorf("%d lines on a screen of %d", n, size[1])
				}
				tuitest.Golden(t, filepath.Join("testdata", "live", filepath.Base(t.Name())+".txt"), view, *update)
			})
		}
	}
}

func TestLiveKeys(t *testing.T) {
	t.Parallel()
	r := underWay()
	d := live(t, r, 100, 20)
	d.Press("p").Expect("paused").Press("space").Press("j", "d").Expect("drop large?").Press("n").Press("dy").Expect("dropped").Press("d").Press("up", "up", "up", "q").Expect("stopping").Press("ctrl+c")
	want := []tui.LiveAction{{Do: tui.LiveHold}, {Do: tui.LiveRelease}, {Do: tui.LiveDrop, Candidate: 1}, {Do: tui.LiveStop}, {Do: tui.LiveStop}}
	if diff := cmp.Diff(want, r.did); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	fixed := underWay()
	fixed.state.Fixed = true
	live(t, fixed, 100, 20).Press("p")
	if len(fixed.did) != 0 {
		t.Errorf("a run at a fixed rate was held: %v", fixed.did)
	}
}

// TestLiveHostile: whatever a candidate, a provider or a run is called, nothing of it
// reaches the terminal as more than text.
func TestLiveHostile(t *testing.T) {
	t.Parallel()
	r := underWay()
	r.state.Name, r.state.Candidates[0].Name, r.state.Limits[0].Provider = hostile, hostile, hostile
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		d := live(t, r, size[0], size[1])
		for range 2 {
			harmless(t, "the screen", d.View())
			fitsScreen(t, d.View(), size[0], 8)
			d.Press("d")
		}
	}
}
