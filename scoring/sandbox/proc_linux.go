package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// family returns the memory (bytes that no file backs) and the number of the
// descendants of a process.
func family(pid int) (memory int64, processes int) {
	for queue := []int{pid}; len(queue) > 0 && processes < 4096; {
		p := queue[0]
		queue = queue[1:]
		memory += anonymous(p)
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p))
		if err != nil {
			continue
		}
		for _, t := range tasks {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", p, t.Name()))
			if err != nil {
				continue
			}
			for _, f := range bytes.Fields(b) {
				if child, err := strconv.Atoi(string(f)); err == nil {
					queue = append(queue, child)
					processes++
				}
			}
		}
	}
	return memory, processes
}

// anonymous is a process's resident memory without what files back.
func anonymous(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := bytes.Fields(b)
	if len(f) < 3 {
		return 0
	}
	resident, err1 := strconv.ParseInt(string(f[1]), 10, 64)
	shared, err2 := strconv.ParseInt(string(f[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return max(0, resident-shared) * int64(os.Getpagesize())
}
