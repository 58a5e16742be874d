package store

import (
	"context"
	"database/sql"
	"fmt"

	"infer/eval"
)

// tx is the writer's connection inside a transaction, with its prepared
// statements and the dictionaries it has seen.
type tx struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	names map[string]int64
	asked map[[3]eval.Digest]int64
	texts map[eval.Digest]struct{} // payloads written lately
	pack  *packer
}

// recentTexts bounds how many payload digests are remembered; a forgotten one
// costs an ignored insert.
const recentTexts = 1 << 15

func newTx(conn *sql.Conn) *tx {
	t := &tx{conn: conn, stmts: make(map[string]*sql.Stmt), pack: newPacker()}
	t.forget()
	return t
}

// forget drops what was remembered of rows that a rollback may have removed.
func (t *tx) forget() {
	t.names = make(map[string]int64)
	t.asked = make(map[[3]eval.Digest]int64)
	t.texts = make(map[eval.Digest]struct{})
}

func (t *tx) close() {
	for _, s := range t.stmts {
		_ = s.Close()
	}
}

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s, ok := t.stmts[query]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	t.stmts[query] = s
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background(), args...)
	return err
}

// change is exec, and returns how many rows it changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) row(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(context.Background(), args...).Scan(dest...)
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
