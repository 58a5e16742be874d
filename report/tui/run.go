package tui

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "github.com/charmbracelet/bubbletea"
)

// Show shows the browser until the user quits. in and the output must be a
// terminal. The terminal is restored whatever ends it.
func Show(ctx context.Context, o Options, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is being read when the user quits is not waited for
	p := tea.NewProgram(New(ctx, o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(o.Output), tea.WithAltScreen(), tea.WithMouseCellMotion())
	if _, err := p.Run(); err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("browse: %w", err)
	}
	return nil
}
