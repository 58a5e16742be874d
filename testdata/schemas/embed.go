// Package schemas embeds the published JSON Schemas of what infer writes, so that
// the installed program can print them.
package schemas

import "embed"

// Files holds one schema a file, NAME.schema.json.
//
//go:embed *.schema.json
var Files embed.FS
