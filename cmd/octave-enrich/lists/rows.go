package lists

import (
	"strconv"
	"strings"

	"octave-enrich/cmd/octave-enrich/exit"
)

// Rows are rows of a list, from and to, 1-based; none is all.
type Rows [][2]int

// Hold says whether a row is one of them.
func (r Rows) Hold(row int) bool {
	for _, part := range r {
		if part[0] <= row && row <= part[1] {
			return true
		}
	}
	return len(r) == 0
}

// ReadRows reads 4,17-20.
func ReadRows(text string) (list Rows, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, several := strings.Cut(strings.TrimSpace(part), "-")
		if !several {
			last = first
		}
		from, errFrom := strconv.Atoi(first)
		to, errTo := strconv.Atoi(last)
		if errFrom != nil || errTo != nil || from < 1 || to < from {
			return nil, exit.UsageError("--rows %s: write row numbers such as 4,17-20", text)
		}
		list = append(list, [2]int{from, to})
	}
	return list, nil
}
