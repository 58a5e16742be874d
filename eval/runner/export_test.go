package runner

// Exhausted is how long the headers of a response make the next call wait.
var Exhausted = exhausted
