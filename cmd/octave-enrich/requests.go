package main

import (
	"bufio"
	"encoding/json"
	"strconv"
	"strings"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline"
)

// printRequests prints what would be asked about each of the rows, one JSON object a
// line.
func (a *app) printRequests(list *list, selection pipeline.Selection, only rowRanges) error {
	w := bufio.NewWriter(a.stdout)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for row, err := range pipeline.Requests(list.input.Contacts(), selection) {
		if err != nil {
			return exit.InputError(err)
		}
		if !only.hold(row.Row) {
			continue
		}
		if err := encoder.Encode(row); err != nil {
			return exit.OutputError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return exit.OutputError(err)
	}
	return nil
}

// rowRanges are rows of a list, from and to, 1-based; none is all.
type rowRanges [][2]int

func (r rowRanges) hold(row int) bool {
	for _, part := range r {
		if part[0] <= row && row <= part[1] {
			return true
		}
	}
	return len(r) == 0
}

// requested says which requests plan shows.
type requested struct {
	all  bool   // --requests
	rows string // of some rows alone
}

// only reads --rows.
func (r requested) only() (rowRanges, error) {
	if r.rows == "" {
		return nil, nil
	}
	if !r.all {
		return nil, exit.UsageError("--rows is about --requests: add it")
	}
	return readRanges(r.rows)
}

// readRanges reads 4,17-20.
func readRanges(text string) (list rowRanges, err error) {
	for _, part := range strings.Split(text, ",") {
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
