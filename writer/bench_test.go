package writer

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// benchRow is a contact of 15 columns with four messages.
func benchRow() (columns []string, row Row) {
	row = Row{Status: StatusOK, RequestID: "0123456789abcdef", Usage: "1", Playbook: Entity{Name: "Builders"}}
	for i := range 15 {
		columns = append(columns, fmt.Sprintf("column %d", i))
		row.Cells = append(row.Cells, fmt.Sprintf("value %d", i))
	}
	for i := range 4 {
		body := fmt.Sprintf("Hi Ada,\n\nmessage %d, which says: \"hello\".\n", i)
		for len(body) < 400 {
			body += "Some more words about engines. "
		}
		row.Emails = append(row.Emails, Email{Subject: "A question about engines", Body: body})
	}
	return columns, row
}

// plainCSV is what encoding/csv alone does with the same cells.
func plainCSV(b *testing.B, path string, record []string, n int) time.Duration {
	start := time.Now()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(bufio.NewWriterSize(f, 64<<10))
	for range n {
		if err := w.Write(record); err != nil {
			b.Fatal(err)
		}
	}
	w.Flush()
	return time.Since(start)
}

// BenchmarkRatio reports how much longer a row takes than with encoding/csv alone: hash, flattening and fsync included,
// with and without messages, and when the header has to be widened at the end.
func BenchmarkRatio(b *testing.B) {
	columns, row := benchRow()
	bare := row
	bare.Emails = nil
	tests := []struct {
		name   string
		row    Row
		emails int
	}{{"four messages", row, 4}, {"no messages", bare, 0}, {"widened", row, 0}}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			dir := b.TempDir()
			record := want(columns, []Row{tt.row})[1]
			var ours, plain time.Duration
			const n = 20000
			for b.Loop() {
				start := time.Now()
				f, err := Create(filepath.Join(dir, "o.csv"), Options{Columns: columns, Emails: tt.emails})
				if err != nil {
					b.Fatal(err)
				}
				for range n {
					if err := f.Write(tt.row); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := f.Finish(); err != nil {
					b.Fatal(err)
				}
				if err := f.Publish(); err != nil {
					b.Fatal(err)
				}
				ours += time.Since(start)
				plain += plainCSV(b, filepath.Join(dir, "plain.csv"), record, n)
			}
			b.ReportMetric(float64(ours)/float64(plain), "x-plain")
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}

// BenchmarkShapes is the cost of a row in each shape, without a disk.
func BenchmarkShapes(b *testing.B) {
	columns, row := benchRow()
	object, err := json.Marshal(map[string]any{"email": "ada@example.com", "note": 1})
	if err != nil {
		b.Fatal(err)
	}
	buf := bufio.NewWriterSize(io.Discard, 64<<10)
	t, err := newTable(buf, format{kind: "csv"}, Options{Emails: 4}, wholeInput(columns))
	if err != nil {
		b.Fatal(err)
	}
	withObject := row
	withObject.Object = object
	l := newLines(buf, wholeInput(columns), false)
	for name, write := range map[string]func() error{
		"table":          func() error { return t.write(row) },
		"lines, cells":   func() error { return l.write(row) },
		"lines, objects": func() error { return l.write(withObject) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := write(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
