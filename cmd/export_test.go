package cmd

// NewRoot gives tests the command tree.
var NewRoot = newRoot
