package datasets

import _ "embed" // the schema is part of the program

// Schema is the JSON Schema (draft 2020-12) of one dataset line, infer.task/1.
//
//go:embed schema/task.schema.json
var Schema []byte
