// Package config reads the project's infer.yaml, the user's own file, the
// environment and flags into one typed configuration in which every value knows
// where it came from.
//
// A flag goes before the environment, the environment before the project file,
// that before the user's file, and all before the defaults. Files are strict: an
// unknown key, a key that stands twice, or a value of the wrong kind is an error
// of one line with its position and a hint. They are data: they cannot hold a
// secret, only say where one is found, and a project file cannot run a command.
//
// Not guaranteed: that a provider answers, that a file that the configuration
// names is there, or that a grader rule makes sense; that is found out where they
// are used.
package config
