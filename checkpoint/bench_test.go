package checkpoint

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Appends per second, each durable, by how many wait at once.
func BenchmarkAppend(b *testing.B) {
	body := []byte(`{"text":"` + strings.Repeat("x", 2000) + `"}`)
	for _, workers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			j := open(b, filepath.Join(b.TempDir(), "c"), Options{})
			defer j.Close()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			keys := make(chan int)
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for k := range keys {
						if err := j.Append(answer(k, string(body))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for k := range b.N {
				keys <- k
			}
			close(keys)
			wg.Wait()
		})
	}
}

// Opening what earlier runs have left, at 2 KB an answer.
func BenchmarkOpen(b *testing.B) {
	for _, answers := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("answers=%d", answers), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "c")
			generate(b, path, answers)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				j := open(b, path, Options{})
				if j.Len() != answers {
					b.Fatalf("Len = %d", j.Len())
				}
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				must(b, j.Close())
				b.StartTimer()
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(answers), "index-B/answer(want<=64)")
			if answers == 1_000_000 {
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s(want<=10)")
			}
		})
	}
}

// generate writes a journal as a run would that was closed in order.
func generate(b *testing.B, path string, answers int) {
	must(b, open(b, path, Options{}).Close())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(b, err)
	info, err := f.Stat()
	must(b, err)
	w := &recordWriter{w: bufio.NewWriterSize(f, 1<<20), size: info.Size()}
	body := []byte(`{"text":"` + strings.Repeat("x", 1850) + `"}`)
	for i := range answers {
		rec := Record{Type: Answered, At: testTime, Body: body}
		binary.BigEndian.PutUint64(rec.Key[:], uint64(i+1)*0x9e3779b97f4a7c15)
		must(b, w.write(rec, w.size))
	}
	must(b, w.write(Record{Type: Closed, At: testTime}, w.size))
	must(b, w.w.Flush())
	must(b, f.Close())
}

// Reading an answer back, as each row of an output does.
func BenchmarkAnswer(b *testing.B) {
	path := filepath.Join(b.TempDir(), "c")
	generate(b, path, 10_000)
	j := open(b, path, Options{})
	defer j.Close()
	b.ReportAllocs()
	var k Key
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(k[:], uint64(i%10_000+1)*0x9e3779b97f4a7c15)
		if _, ok, err := j.Answer(k); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
