package config

import _ "embed" // the schema is part of the program

//go:embed schema/infer.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of infer.yaml. A test keeps it
// equal to the structs that the loader fills.
func Schema() []byte { return append([]byte(nil), schema...) }
