// Package quickstart embeds the example project, so that the installed program
// can write it: tasks, configuration, worked examples and recordings of real
// models.
package quickstart

import "embed"

// Files is the example project.
//
//go:embed infer.yaml tasks.jsonl examples.jsonl recordings.jsonl.gz README.md
var Files embed.FS
