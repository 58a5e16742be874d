package providers

// RowName names the row of the failure table that decides on a signal.
func RowName(s Signal) string { return classifyRow(s).name }

// RowNames lists the rows of the table for answers that came over HTTP.
func RowNames() []string {
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].name
	}
	return names
}
