package cmd

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
)

func newConfigCmd(app *cli.App) *cobra.Command {
	var flags config.Flags
	var out formatFlag
	c := &cobra.Command{
		Use: "config [path]", Short: "Print every setting and where it came from",
		Long: `Print every setting with its origin: a flag, an environment variable, a line of
infer.yaml, or the default. Flags go before the environment, the environment
before the project file, the file before defaults.`,
		Example: "  $ infer config\n  $ infer config testdata/quickstart --json\n  $ infer config schema",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			target := ""
			if len(args) > 0 {
				target = args[0]
				if _, err := os.Stat(target); err != nil && target != "-" {
					return eval.Invalid(fmt.Errorf("read %s: %w", target, bare(err)), "name an infer.yaml, a folder that holds one, or a dataset")
				}
			}
			cfg, _, err := config.Load(app.Dir, target, flags, app.Env)
			if err != nil {
				return err
			}
			return toOutput(app, "", func(w io.Writer, _ bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, struct {
						Schema string         `json:"schema"`
						Values []config.Value `json:"values"`
					}{"infer.config/1", cfg.Values()})
				}
				rows := make([][]string, 0, 16)
				for _, v := range cfg.Values() {
					rows = append(rows, []string{v.Key, eval.Untrusted(v.Value).Line(80), v.Origin})
				}
				return render.Plain(w, []string{"setting", "value", "origin"}, rows, nil)
			})
		},
	}
	c.Flags().StringVar(&flags.Config, "config", "", "configuration file")
	c.Flags().StringVar(&flags.Store, "store", "", "SQLite file of attempts")
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	c.AddCommand(&cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of infer.yaml", Args: cobra.NoArgs,
		Long:    "Print the JSON Schema of infer.yaml, for editors and for checks in CI. Nothing is read.",
		Example: "  $ infer config schema > infer.schema.json\n  $ infer config schema | jq '.properties | keys'",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(app.Out, "%s\n", config.Schema())
			return err
		},
	})
	return c
}
