// Command infer evaluates models on a team's own recorded tasks and says which
// should be the default for each kind of task, which its backup, and under
// which rules.
package main

import (
	"os"

	"infer/cmd"
)

func main() { os.Exit(cmd.Main()) }
