package tui_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func browser(t testing.TB, s *source, run string, width, height int) (*tuitest.Driver, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	o := tui.Options{Source: s, Tasks: s, Decisions: s, Exports: s, Reviews: s, Run: run, Output: &out, Plain: true}
	return tuitest.New(t, tui.New(context.Background(), o), width, height), &out
}

// screens are the ways to every screen and every state of one that looks different.
var screens = map[string][]string{
	"runs": {"0"}, "runs-filter": {"0", "/", "o", "l"}, "board": {"1"}, "board-type": {"1", "l"}, "frontier": {"2"}, "frontier-type": {"2", "l", "j"}, "frontier-p95": {"2", "x"},
	"tasks": {"3"}, "tasks-different": {"3", "f", "f"}, "tasks-filter": {"3", "/", "0"}, "task": {"3", "enter"}, "task-confirm": {"3", "enter", "j", "j"}, "attempts": {"3", "enter", "enter"},
	"texts": {"3", "enter", "v"}, "diff": {"3", "enter", "j", "d"}, "diff-other": {"3", "enter", "D"}, "decide": {"4"}, "decide-evidence": {"4", "tab"}, "decide-undecided": {"4", "j"},
	"decide-whatif": {"4", "-", "-", "-"}, "overrule": {"4", "o", "j", "enter"}, "export": {"4", "x", "tab"}, "compare": {"0", "space", "j", "c"}, "help": {"1", "?"}, "palette": {"1", ":"}, "review": {"5"}, "review-single": {"5", "enter"}, "review-pairs": {"5", "j", "enter"}, "review-judged": {"5", "enter", "a", "x"},
}

// TestViews compares every screen at four sizes with its golden file.
func TestViews(t *testing.T) {
	t.Parallel()
	for name, keys := range screens {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}, {0, 0}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				d, _ := browser(t, &source{}, "r012345678", size[0], size[1])
				view := d.Press(keys...).View()
				fitsScreen(t, view, size[0], size[1])
				tuitest.Golden(t, filepath.Join("testdata", "golden", filepath.Base(t.Name())+".txt"), view, *update)
			})
		}
	}
	for name, s := range map[string]*source{"first-run": {empty: true}, "error": {fail: eval.Invalid(errors.New("the store is damaged"), "look at it with `infer db check`")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := browser(t, s, "", 80, 24)
			tuitest.Golden(t, filepath.Join("testdata", "golden", name+"-80x24.txt"), d.View(), *update)
		})
	}
}

func fitsScreen(t *testing.T, view string, width, height int) {
	t.Helper()
	lines := strings.Split(view, "\n")
	if height > 0 && len(lines) != height {
		t.Errorf("%d lines, want %d", len(lines), height)
	}
	for _, l := range lines {
		if n := ansi.StringWidth(l); n > width {
			t.Errorf("a line of %d columns: %q", n, l)
		}
	}
}

// TestGoldenFiles fails for a golden file that no test compares with any more.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, f := range files {
		base := strings.TrimSuffix(filepath.Base(f), ".txt")
		name := base[:strings.LastIndex(base, "-")]
		if _, ok := screens[name]; !ok && name != "first-run" && name != "error" {
			t.Errorf("%s is of no screen: delete it", f)
		}
	}
}

// harmless fails where text could act on a terminal or mislead a reader.
func harmless(t *testing.T, what, s string) {
	t.Helper()
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			t.Fatalf("%s: a byte that is no text at %d: %q", what, i, s)
		case r < 0x20 && r != '\n', r >= 0x7f && r < 0xa0, r == 0x200b, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r >= 0xe0000 && r <= 0xe0fff:
			t.Fatalf("%s holds %U at %d:\n%q", what, r, i, s)
		}
	}
}

// TestHostile: whatever a name, a task, an answer or an error holds, nothing of it
// reaches the terminal, on no screen and in no copy.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, keys := range screens {
		for _, size := range [][2]int{{80, 24}, {140, 45}} {
			t.Run(fmt.Sprintf("%s-%d", name, size[0]), func(t *testing.T) {
				t.Parallel()
				d, out := browser(t, &source{hostile: true}, "r012345678", size[0], size[1])
				d.Press(keys...)
				harmless(t, "the screen", d.View())
				fitsScreen(t, d.View(), size[0], size[1])
				for _, k := range []string{"y", "J", "Y"} {
					out.Reset()
					d.Press(k)
					for _, text := range tuitest.Copied(out.String()) {
						harmless(t, "what "+k+" copied", strings.ReplaceAll(text, "\t", " "))
					}
					if rest := tuitest.BesidesCopies(out.String()); rest != "" {
						t.Errorf("%s wrote more than the clipboard's sequence: %q", k, rest)
					}
				}
			})
		}
	}
}

// TestStorm: any order of keys, clicks, sizes and messages leaves a browser that
// draws within its size.
func TestStorm(t *testing.T) {
	t.Parallel()
	keys := []string{"0", "1", "2", "3", "4", "5", "j", "k", "h", "l", "g", "G", "enter", "esc", "f", "s", "S", "n", "p", "/", ":", "?", "r", "m", "y", "J", "Y", "+", "-", "w", "u", "o", "x", "t", "e", "c", "d", "D", "v", "T",
		"space", "tab", "up", "down", "pgdown", "pgup", "a", "backspace"}
	for _, s := range []*source{{hostile: true}, {}, {empty: true}, {fail: errors.New("gone")}, {state: eval.RunIncomplete}, {slow: 50}} {
		rng := rand.New(rand.NewPCG(1, 2))
		d, _ := browser(t, s, "", 80, 24)
		width, height := 80, 24
		for i := range 1500 {
			switch i % 5 {
			case 0:
				width, height = rng.IntN(150), rng.IntN(50)
				d.Resize(width, height)
			case 1:
				d.Send(tea.MouseMsg{X: rng.IntN(150), Y: rng.IntN(50), Button: tea.MouseButton(rng.IntN(6)), Action: tea.MouseActionPress})
			}
			d.Press(keys[rng.IntN(len(keys))])
			if view := d.View(); width > 0 && height > 0 {
				fitsScreen(t, view, width, height)
			}
		}
	}
}

// coloured is a sequence that sets a colour.
var coloured = regexp.MustCompile(`\x1b\[(\d+;)*[39][0-7](;\d+)*m`)

// TestThemes: every theme draws the same text; only the attributes differ.
func TestThemes(t *testing.T) {
	t.Parallel()
	for name, keys := range screens {
		var plain bytes.Buffer
		d, _ := browser(t, &source{}, "r012345678", 120, 40)
		want := d.Press(keys...).View()
		for _, color := range []bool{true, false} {
			s := &source{}
			c := tuitest.New(t, tui.New(context.Background(), tui.Options{Source: s, Tasks: s, Decisions: s, Exports: s, Reviews: s, Run: "r012345678", Output: &plain, Color: color}), 120, 40)
			got := c.Press(keys...).View()
			if diff := cmp.Diff(trimmed(want), trimmed(ansi.Strip(got))); diff != "" {
				t.Errorf("%s, colour %v:\n%s", name, color, diff)
			}
			if has := coloured.MatchString(got); has != color {
				t.Errorf("%s: colour %v, but coloured %v", name, color, has)
			}
		}
	}
}

func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
