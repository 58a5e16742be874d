package tui

import tea "github.com/charmbracelet/bubbletea"

// column is one column of a table.
type column struct {
	head  string
	right bool
	keep  int    // 0 = always; those with higher numbers go first where the screen is narrow
	least int    // columns that it has at least
	flex  bool   // takes what the others leave
	order string // what the rows are sorted by with it; "" = they cannot be
}

// table lays rows of cells out in columns that fit a width.
type table struct {
	columns []column
	shown   []bool
	widths  []int
	sticky  bool // widths never shrink, so that scrolling does not make the columns jump
}

const gap = 2 // columns between columns

// layout settles the widths for these rows. It drops columns until they fit.
func (t *table) layout(rows [][]line, width int) {
	old := t.widths
	t.shown, t.widths = make([]bool, len(t.columns)), make([]int, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		t.shown[i], t.widths[i] = true, max(cols(c.head), c.least)
		if c.order != "" {
			t.widths[i] = max(t.widths[i], cols(c.head)+1) // room for the arrow
		}
		if c.flex {
			continue
		}
		if t.sticky && len(old) == len(t.columns) {
			t.widths[i] = max(t.widths[i], old[i])
		}
		for _, r := range rows {
			t.widths[i] = max(t.widths[i], r[i].width())
		}
	}
	for t.total() > width {
		worst := -1
		for i := range t.columns {
			if k := t.columns[i].keep; t.shown[i] && k > 0 && (worst < 0 || k >= t.columns[worst].keep) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		t.shown[worst] = false
	}
	for i := range t.columns {
		if t.shown[i] && t.columns[i].flex {
			t.widths[i] += max(width-t.total(), 0)
			break
		}
	}
}

func (t *table) total() (n int) {
	for i := range t.columns {
		if t.shown[i] {
			n += t.widths[i] + gap
		}
	}
	return n - gap
}

// has reports whether a column is shown.
func (t *table) has(i int) bool { return i < len(t.shown) && t.shown[i] }

// header draws the heads; the one that the rows are sorted by bears an arrow.
func (t *table) header(order string, down bool) line {
	cells := make([]line, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		h := c.head
		if order != "" && c.order == order {
			if down {
				h += "↓"
			} else {
				h += "↑"
			}
		}
		cells[i] = toned(h, head)
	}
	return t.row(cells)
}

// row draws one row of cells.
func (t *table) row(cells []line) line {
	var out line
	first := true
	for i, c := range cells {
		if !t.has(i) {
			continue
		}
		if !first {
			out = append(out, span{"  ", plain})
		}
		first = false
		c = c.cut(t.widths[i])
		if t.columns[i].right {
			c = c.left(t.widths[i])
		} else {
			c = c.pad(t.widths[i])
		}
		out = append(out, c...)
	}
	return out
}

// clicked is the order of the column whose head was clicked on; "" = none was.
// The head stands on line y of the screen's body, x columns from its left.
func (t *table) clicked(msg tea.Msg, x, y int) string {
	m, ok := msg.(tea.MouseMsg)
	if !ok || !pressed(m) || m.Y != y {
		return ""
	}
	for i := range t.columns {
		if !t.has(i) {
			continue
		}
		if m.X >= x && m.X < x+t.widths[i]+gap {
			return t.columns[i].order
		}
		x += t.widths[i] + gap
	}
	return ""
}
