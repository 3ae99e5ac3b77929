package reader

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// bigList writes a list of 15 columns, a quarter of its rows with quotes.
func bigList(tb testing.TB, rows int) string {
	path := filepath.Join(tb.TempDir(), "big.csv")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "Id Number,First Name,Last Name,Email,Title,Company Name,Website,Person Linkedin Url,City,State,Country,Industry,Keywords,Phone,Notes")
	for i := range rows {
		notes := "met at the fair in Lyon"
		if i%4 == 0 {
			notes = `"met at the fair, Lyon; ""keen"""`
		}
		fmt.Fprintf(w, "%09d,Given%d,Family%d,person%d@company%d.example.com,Head of Sales,Company %d Ltd,http://www.company%d.example.com,"+
			"http://www.linkedin.com/in/person-%d,Lyon,Rhone,France,Manufacturing,saas and tools,+33 555 %06d,%s\n", i, i, i, i, i%5000, i%5000, i%5000, i, i, notes)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

const benchRows = 100_000

// BenchmarkContacts opens and streams a list, and reports the time it takes
// as a multiple of reading the same list once with encoding/csv: the price of
// reading twice, hashing, mapping and cleaning.
func BenchmarkContacts(b *testing.B) {
	path := bigList(b, benchRows)
	b.ReportAllocs()
	for b.Loop() {
		if n := readContacts(b, path); n != benchRows {
			b.Fatalf("%d contacts", n)
		}
	}
	ours := b.Elapsed() / time.Duration(b.N)
	b.StopTimer()
	start := time.Now()
	for range b.N {
		if n := readPlain(b, path); n != benchRows+1 {
			b.Fatalf("%d records", n)
		}
	}
	b.ReportMetric(float64(ours)/float64(time.Since(start)/time.Duration(b.N)), "x-encoding/csv")
	b.ReportMetric(benchRows/ours.Seconds(), "rows/s")
}

func readContacts(tb testing.TB, path string) int {
	in := open(tb, Options{}, path)
	n := 0
	for _, err := range in.Contacts() {
		if err != nil {
			tb.Fatal(err)
		}
		n++
	}
	return n
}

func readPlain(tb testing.TB, path string) int {
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	r, n := csv.NewReader(f), 0
	for {
		if _, err := r.Read(); err == io.EOF {
			return n
		} else if err != nil {
			tb.Fatal(err)
		}
		n++
	}
}
