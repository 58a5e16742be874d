package config

// What the schema is made of, for the test that keeps it equal to the structs.
const (
	DurationForm = durationForm
	DecimalForm  = decimalForm
	DateForm     = dateForm
	EnvForm      = envForm
)

// EnumOf lists the values that an enum tag allows.
func EnumOf(tag string) []string { return enumOf(tag) }
