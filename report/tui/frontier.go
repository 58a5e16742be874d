package tui

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// frontierScreen plots acceptance over the cost of an accepted task.
type frontierScreen struct {
	cells  []report.Cell // with both figures, cheapest first
	left   []string      // candidates that have no place on it, and why
	cursor int
	volume int64 // what if: tasks a month
	run    string
}

// volumes are the steps of the what-if on the monthly volume.
const (
	startVolume = 100_000
	volumeStep  = 2
)

func (s *frontierScreen) title() string { return "frontier" }
func (s *frontierScreen) command() string {
	return "infer report " + s.run + " --format html -o report.html"
}
func (s *frontierScreen) keys(k *keyMap) []key.Binding {
	return []key.Binding{k.Left, k.Right, k.More, k.Less, k.Board}
}

func (s *frontierScreen) yank() (string, any) {
	if s.cursor >= len(s.cells) {
		return "", nil
	}
	c := &s.cells[s.cursor]
	return fmt.Sprintf("%s: %s accepted at %s each", name(c.Candidate, 60), percent(c.Acceptance.Point), perAccepted(c.CostPerAccepted)), c
}

func (s *frontierScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case openMsg:
		s.load(msg.run)
	case tea.KeyMsg:
		k := &m.keymap
		n := max(len(s.cells), 1)
		switch {
		case key.Matches(msg, k.Left, k.Up):
			s.cursor = (s.cursor + n - 1) % n
		case key.Matches(msg, k.Right, k.Down):
			s.cursor = (s.cursor + 1) % n
		case key.Matches(msg, k.More):
			s.volume = min(s.volume*volumeStep, 1e12)
		case key.Matches(msg, k.Less):
			s.volume = max(s.volume/volumeStep, 1)
		}
	}
	return nil
}

func (s *frontierScreen) load(run *Run) {
	s.run = run.Report.Run.ID
	if s.volume == 0 {
		s.volume = startVolume
	}
	s.cells, s.left = nil, nil
	for _, c := range run.Report.Cells {
		switch {
		case c.TaskType != report.Overall:
		case c.CostPerAccepted.Point == nil || *c.CostPerAccepted.Point <= 0 || c.Acceptance.Point == nil:
			s.left = append(s.left, name(c.Candidate, 30))
		default:
			s.cells = append(s.cells, c)
		}
	}
	sort.SliceStable(s.cells, func(i, j int) bool { return *s.cells[i].CostPerAccepted.Point < *s.cells[j].CostPerAccepted.Point })
	s.cursor = min(s.cursor, max(len(s.cells)-1, 0))
}

func (s *frontierScreen) view(m *Model, width, height int) []string {
	if len(s.cells) == 0 {
		return []string{"No candidate has both an acceptance and a known cost.", "", "A price makes it known: prices: in infer.yaml."}
	}
	out := s.plot(m, max(width-8, 10), max(height-5, 4))
	c := &s.cells[s.cursor]
	monthly := unknown
	if c.CostPerAccepted.Point != nil {
		monthly = dollars(*c.CostPerAccepted.Point * float64(s.volume))
	}
	out = append(out, "", fmt.Sprintf("%s %s  %s accepted (%s)  %s each  p95 %s", m.styles.accent.Render("▸"), m.styles.title.Render(name(c.Candidate, 40)), percent(c.Acceptance.Point), interval(c.Acceptance), perAccepted(c.CostPerAccepted), millis(c.Latency.P95)),
		fmt.Sprintf("what if %d accepted tasks a month (+/-): %s", s.volume, m.styles.title.Render(monthly)))
	if len(s.left) > 0 {
		out = append(out, m.styles.soft.Render("cost unknown, so not drawn: "+strings.Join(s.left, ", ")))
	}
	return out
}

// front reports which cells nobody beats on both figures.
func front(cells []report.Cell) []bool {
	out := make([]bool, len(cells))
	best := -1.0
	for i := range cells {
		if *cells[i].Acceptance.Point > best {
			out[i], best = true, *cells[i].Acceptance.Point
		}
	}
	return out
}

// shares is the range of acceptance that the plot shows: that of the intervals, to
// the next ten per cent.
func (s *frontierScreen) shares() (floor, ceil float64) {
	floor, ceil = 1, 0
	for i := range s.cells {
		c := &s.cells[i]
		lo, hi := *c.Acceptance.Point, *c.Acceptance.Point
		if c.Acceptance.Lo != nil {
			lo, hi = *c.Acceptance.Lo, *c.Acceptance.Hi
		}
		floor, ceil = math.Min(floor, lo), math.Max(ceil, hi)
	}
	floor, ceil = math.Floor(floor*10)/10, math.Ceil(ceil*10)/10
	if ceil-floor < 0.1 {
		floor, ceil = math.Max(0, ceil-0.1), math.Max(ceil, 0.1)
	}
	return floor, ceil
}

// place writes a label beside a point, in the nearest row where it covers
// nothing but lines.
func place(plane [][]rune, x, y int, label []rune) {
	for _, dy := range []int{-1, 1, -2, 2, -3, 3, 0} {
		row := y + dy
		if row < 0 || row >= len(plane) || x+len(label) > len(plane[row]) {
			continue
		}
		free := true
		for k := range label {
			if c := plane[row][x+k]; c != ' ' && c != '│' {
				free = false
				break
			}
		}
		if free {
			copy(plane[row][x:], label)
			return
		}
	}
}

// plot draws the plane: acceptance upwards, cost to the right on
// a log axis, ━ the interval of the cost, │ that of the acceptance.
func (s *frontierScreen) plot(m *Model, width, height int) []string {
	lo, hi := math.Inf(1), 0.0
	for i := range s.cells {
		p := *s.cells[i].CostPerAccepted.Point
		lo, hi = math.Min(lo, p), math.Max(hi, p)
	}
	lo, hi = lo/2, hi*2
	x := func(v float64) int {
		return min(max(int(float64(width-1)*math.Log(math.Max(v, lo)/lo)/math.Log(hi/lo)+0.5), 0), width-1)
	}
	floor, ceil := s.shares()
	y := func(v float64) int {
		return min(max(int(float64(height-1)*(ceil-v)/(ceil-floor)+0.5), 0), height-1)
	}
	plane := make([][]rune, height)
	for i := range plane {
		plane[i] = []rune(strings.Repeat(" ", width))
	}
	for i := range s.cells {
		c := &s.cells[i]
		px, py := x(*c.CostPerAccepted.Point), y(*c.Acceptance.Point)
		if c.Acceptance.Lo != nil {
			for k := y(*c.Acceptance.Hi); k <= y(*c.Acceptance.Lo); k++ {
				plane[k][px] = '│'
			}
		}
		if c.CostPerAccepted.Lo != nil {
			end := width - 1
			if c.CostPerAccepted.Hi != nil {
				end = x(*c.CostPerAccepted.Hi)
			}
			for k := x(*c.CostPerAccepted.Lo); k <= end; k++ {
				plane[py][k] = '─'
			}
		}
	}
	on := front(s.cells)
	for i := range s.cells {
		c := &s.cells[i]
		px, py := x(*c.CostPerAccepted.Point), y(*c.Acceptance.Point)
		mark := '○'
		if on[i] {
			mark = '●'
		}
		if i == s.cursor {
			mark = '◉'
		}
		plane[py][px] = mark
		place(plane, px+1, py, []rune(" "+name(c.Candidate, 24)))
	}
	out := make([]string, 0, height+2)
	for i, row := range plane {
		tick := "      "
		if i == 0 || i == height-1 || i == (height-1)/2 {
			tick = fmt.Sprintf("%4.0f%% ", 100*(ceil-(ceil-floor)*float64(i)/float64(max(height-1, 1))))
		}
		out = append(out, m.styles.soft.Render(tick)+string(row))
	}
	left, right := dollars(lo), dollars(hi)+" each, log scale  ● on the front"
	return append(out, m.styles.soft.Render("      "+left+strings.Repeat(" ", max(width-len(left)-len([]rune(right)), 1))+right))
}
