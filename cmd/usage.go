package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
)

// usageError gives cobra's own errors, which are plain, the kind and hint of a
// usage error and the words of this program.
func usageError(c *cobra.Command, err error) error {
	var known *eval.Error
	var coded *cli.CodedError
	if err == nil || errors.As(err, &known) || errors.As(err, &coded) || errors.Is(err, cli.ErrSilent) {
		return err
	}
	help := "`" + c.CommandPath() + " --help` explains it"
	msg := err.Error()
	switch {
	case strings.HasPrefix(msg, "unknown command"):
		return unknownCommand(c, msg)
	case strings.HasPrefix(msg, "accepts "), strings.HasPrefix(msg, "requires "):
		return eval.Invalid(fmt.Errorf("%s: %s", c.CommandPath(), argsWanted(c)), help)
	case strings.HasPrefix(msg, "required flag"), strings.HasPrefix(msg, "if any flags"), strings.HasPrefix(msg, "at least one"), strings.HasPrefix(msg, "invalid argument"):
		return eval.Invalid(err, help)
	}
	return err
}

// argsWanted says what the command's usage line asks for.
func argsWanted(c *cobra.Command) string {
	_, want, _ := strings.Cut(c.Use, " ")
	if want == "" {
		return "it takes no argument"
	}
	return "the arguments are not " + want
}

// unknownCommand names the command that was probably meant.
func unknownCommand(c *cobra.Command, msg string) error {
	_, rest, _ := strings.Cut(msg, `"`)
	word, _, _ := strings.Cut(rest, `"`)
	if !c.HasAvailableSubCommands() {
		return eval.Invalid(fmt.Errorf("%s takes no argument, and %s is one", c.CommandPath(), eval.Untrusted(word).Line(80)), "`"+c.CommandPath()+" --help` explains it")
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			names = append(names, sub.Name())
		}
	}
	hint := "`" + c.CommandPath() + " --help` lists the commands"
	if near := config.Nearest(word, names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return eval.Invalid(fmt.Errorf("unknown command %s", eval.Untrusted(c.CommandPath()+" "+word).Line(80)), hint)
}

// flagError is what is wrong with a flag, in the words of this program.
func flagError(c *cobra.Command, err error) error {
	hint := "`" + c.CommandPath() + " --help` lists its flags"
	if _, name, ok := strings.Cut(err.Error(), "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := config.Nearest(name, names); near != "" {
			hint = "did you mean --" + near + "? " + hint
		}
	}
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		f := value.GetFlag()
		err = fmt.Errorf("--%s %s is not %s", f.Name, eval.Untrusted(value.GetValue()).Line(60), kindOfFlag(f))
	}
	return eval.Invalid(err, hint)
}

func kindOfFlag(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64":
		return "a whole number"
	case "uint", "uint64":
		return "a whole number from 0"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "duration":
		return "a time such as 30s"
	}
	return "a " + f.Value.Type()
}
