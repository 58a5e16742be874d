package cmd_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"infer/cmd"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

// TestBrowseQuickstart holds what the browser shows of the example project: the
// same store gives the same screens, since their times are the run's.
func TestBrowseQuickstart(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	for name, keys := range map[string][]string{
		"runs": {"0"}, "board": nil, "board-type": {"l", "l"}, "frontier": {"2"}, "frontier-type": {"2", "l", "l", "l"}, "tasks": {"3"}, "tasks-different": {"3", "f", "f"}, "tasks-slowest": {"3", "s", "s", "s"},
		"task": {"3", "f", "f", "enter"}, "decide": {"4"}, "decide-whatif": {"4", "+", "+", "w", "+", "+"}, "diff": {"3", "enter", "d"},
	} {
		for _, size := range [][2]int{{80, 24}, {140, 45}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				var out, errs bytes.Buffer
				o, done, err := cmd.Browsed(t.Context(), fixedApp(dir, &out, &errs), db, config, "quickstart")
				if err != nil {
					t.Fatal(err)
				}
				defer done() //nolint:errcheck // opened for reading only
				o.Plain = true
				d := tuitest.New(t, tui.New(t.Context(), o), size[0], size[1])
				tuitest.Golden(t, filepath.Join("testdata", "browse", filepath.Base(t.Name())+".txt"), d.Press(keys...).View(), *update)
			})
		}
	}
}
