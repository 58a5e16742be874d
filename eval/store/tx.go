package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"

	"infer/eval"
)

// tx is the writer's connection inside a transaction, with its prepared
// statements and the dictionaries it has seen.
//
// It is the driver's own connection: what database/sql adds for connections that
// many share is a tenth of the cost of a call here, and this one is not shared.
type tx struct {
	conn  driver.Conn
	stmts map[string]stmt
	args  []driver.NamedValue // of the statement being run
	names map[string]int64
	asked map[[3]eval.Digest]int64
	texts map[eval.Digest]struct{} // payloads written lately
	pack  *packer
}

// stmt is a prepared statement of the driver.
type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// recentTexts bounds how many payload digests are remembered; a forgotten one
// costs an ignored insert.
const recentTexts = 1 << 15

func newTx(conn driver.Conn) *tx {
	t := &tx{conn: conn, stmts: make(map[string]stmt), pack: newPacker()}
	t.forget()
	return t
}

// forget drops what was remembered of rows that a rollback may have removed.
func (t *tx) forget() {
	t.names = make(map[string]int64)
	t.asked = make(map[[3]eval.Digest]int64)
	t.texts = make(map[eval.Digest]struct{})
}

func (t *tx) close() error {
	var err error
	for _, s := range t.stmts {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, t.conn.Close())
}

func (t *tx) stmt(query string) (stmt, error) {
	if s, ok := t.stmts[query]; ok {
		return s, nil
	}
	prepared, err := t.conn.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s, ok := prepared.(stmt)
	if !ok {
		return nil, errors.Join(errors.New("prepare: not a statement of this driver"), prepared.Close())
	}
	t.stmts[query] = s
	return s, nil
}

// bind turns arguments into the driver's values.
func (t *tx) bind(args []any) ([]driver.NamedValue, error) {
	t.args = t.args[:0]
	for i, a := range args {
		switch v := a.(type) {
		case nil, int64, string, []byte, bool, float64:
		case int:
			a = int64(v)
		default:
			var err error
			if a, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return nil, err
			}
		}
		t.args = append(t.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return t.args, nil
}

func (t *tx) run(query string, args []any) (driver.Result, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	values, err := t.bind(args)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), values)
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.run(query, args)
	return err
}

// change is exec, and returns how many rows it changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	res, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert is exec, and returns the number of the row that it inserted.
func (t *tx) insert(query string, args ...any) (int64, error) {
	res, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// row reads the first row of an answer; sql.ErrNoRows where there is none.
func (t *tx) row(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	values, err := t.bind(args)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), values)
	if err != nil {
		return err
	}
	got := make([]driver.Value, len(rows.Columns()))
	err = rows.Next(got)
	if errors.Is(err, io.EOF) {
		err = sql.ErrNoRows
	}
	for i := 0; i < len(dest) && err == nil; i++ {
		err = assign(dest[i], got[i])
	}
	// Stepping to the end is what completes a statement that changes something.
	for next := err; next == nil; {
		next = rows.Next(got)
	}
	return errors.Join(err, rows.Close())
}

// assign writes a column's value to where it is wanted.
func assign(dest any, v driver.Value) error {
	if s, ok := dest.(sql.Scanner); ok {
		return s.Scan(v)
	}
	to := reflect.ValueOf(dest).Elem()
	switch n := v.(type) {
	case int64:
		switch {
		case to.CanInt() && !to.OverflowInt(n):
			to.SetInt(n)
			return nil
		case to.Kind() == reflect.Bool:
			to.SetBool(n != 0)
			return nil
		}
	case float64:
		if to.CanFloat() {
			to.SetFloat(n)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(n)
			return nil
		}
		if to.Type() == reflect.TypeFor[[]byte]() {
			to.SetBytes([]byte(n))
			return nil
		}
	case []byte:
		if to.Type() == reflect.TypeFor[[]byte]() {
			to.SetBytes(bytes.Clone(n))
			return nil
		}
	}
	return fmt.Errorf("a column holds %T where %T is wanted", v, dest)
}

// name returns the dictionary number of a short string.
func (t *tx) name(s string) (int64, error) {
	if id, ok := t.names[s]; ok {
		return id, nil
	}
	if len(t.names) > 1<<16 {
		t.names = make(map[string]int64)
	}
	if err := t.exec("INSERT INTO names (name) VALUES (?) ON CONFLICT (name) DO NOTHING", s); err != nil {
		return 0, err
	}
	var id int64
	if err := t.row("SELECT id FROM names WHERE name = ?", []any{s}, &id); err != nil {
		return 0, err
	}
	t.names[s] = id
	return id, nil
}

// nameOrNull is name with "" as NULL.
func (t *tx) nameOrNull(s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	return t.name(s)
}

// ask returns the dictionary number of the three hashes of a request.
func (t *tx) ask(a *eval.Attempt) (int64, error) {
	key := [3]eval.Digest{a.SystemHash, a.ToolsHash, a.ParamsHash}
	if id, ok := t.asked[key]; ok {
		return id, nil
	}
	args := []any{a.SystemHash[:], a.ToolsHash[:], a.ParamsHash[:]}
	if err := t.exec("INSERT INTO asked (system, tools, params) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", args...); err != nil {
		return 0, err
	}
	var id int64
	if err := t.row("SELECT id FROM asked WHERE system = ? AND tools = ? AND params = ?", args, &id); err != nil {
		return 0, err
	}
	t.asked[key] = id
	return id, nil
}

// text stores a text once under its digest and returns the digest; nil for "".
func (t *tx) text(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d := eval.DigestOf(b)
	if err := t.put(d, b); err != nil {
		return nil, err
	}
	return d[:], nil
}

func (t *tx) put(d eval.Digest, b []byte) error {
	if _, ok := t.texts[d]; ok {
		return nil
	}
	codec, body := t.pack.pack(b)
	if err := t.exec("INSERT INTO payloads (digest, codec, body) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING", d[:], codec, body); err != nil {
		return err
	}
	if len(t.texts) >= recentTexts {
		t.texts = make(map[eval.Digest]struct{})
	}
	t.texts[d] = struct{}{}
	return nil
}
