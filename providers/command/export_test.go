package command

import (
	"infer/eval"
	"infer/providers"
)

// ReadLine reads one line as the answer to request 1.
func ReadLine(line []byte) eval.Response {
	var r eval.Response
	if s := (answer{line}).read(1, &r); s != nil {
		r.Failure = providers.Classify(*s)
		return r
	}
	providers.Judge(&r)
	return r
}
