package sandbox

import (
	"testing"

	"octave-enrich/octave"
)

var ann = octave.Request{Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", JobTitle: "Head of Sales", CompanyName: "Example Ltd"}

func BenchmarkCompose(b *testing.B) {
	s := New(Config{Messages: 4})
	q := Question(ann)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(s.compose(ann, q).encode())
	}
	b.ReportMetric(float64(n), "bytes")
}
