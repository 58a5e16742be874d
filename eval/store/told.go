package store

import (
	"database/sql"

	"infer/eval"
)

// The bits of trials.told.
const (
	toldRetries = 1 << iota
	toldFallback
	toldRegenerated
)

// toldMask is which figures a trial that was run elsewhere came with; nil = it was
// run here.
func toldMask(t *eval.Told) any {
	if t == nil {
		return nil
	}
	mask := 0
	for bit, known := range map[int]bool{toldRetries: t.Retries != nil, toldFallback: t.Fallback != nil, toldRegenerated: t.Regenerated != nil} {
		if known {
			mask |= bit
		}
	}
	return mask
}

// toldOf is what a stored trial was told of; nil = it was run here.
func toldOf(mask sql.NullInt64, latency, backend sql.NullInt64, retries int, fallback bool, regenerations int, class eval.Class) *eval.Told {
	if !mask.Valid {
		return nil
	}
	t := &eval.Told{Latency: durationPtr(latency), Backend: durationPtr(backend), Class: class}
	if mask.Int64&toldRetries != 0 {
		t.Retries = &retries
	}
	if mask.Int64&toldFallback != 0 {
		t.Fallback = &fallback
	}
	if regenerated := regenerations > 0; mask.Int64&toldRegenerated != 0 {
		t.Regenerated = &regenerated
	}
	return t
}
