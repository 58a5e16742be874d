package route

import "fmt"

// table collects routes that are read back from a file whose models have no names
// of ours.
type table struct{ r Routes }

func newTable() *table {
	return &table{Routes{Schema: Schema, Models: []Model{}, Routes: []Route{}}}
}

func (t *table) add(x Route) { t.r.Routes = append(t.r.Routes, x) }

// model returns the name under which the table has the model, adding it if it has
// not. Without a name of its own, or where that is taken by another model, it is
// called by its model string.
func (t *table) model(m Model) string {
	if m.Name == "" {
		m.Name = m.Model
	}
	base := m.Name
	for n := 2; ; n++ {
		k := t.r.model(m.Name)
		if k == nil {
			t.r.Models = append(t.r.Models, m)
			return m.Name
		}
		if k.API == m.API && k.Model == m.Model && k.base() == m.base() && k.KeyEnv == m.KeyEnv {
			return m.Name
		}
		m.Name = fmt.Sprintf("%s (%d)", base, n)
	}
}

func (t *table) routes() *Routes { return &t.r }
