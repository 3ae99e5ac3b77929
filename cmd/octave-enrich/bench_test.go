package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
)

// These benchmarks measure whole processes: the binary, the service in another
// one, and plain code doing the same in a third. They print figures and the bound
// that each is to keep; ratios compare runs of the same minute on one machine.

// target reports a figure beside its bound.
func target(b *testing.B, figure string, value float64, bound string) {
	b.ReportMetric(value, figure+"(want"+bound+")")
}

// spent is what a process took.
type spent struct {
	wall, cpu time.Duration
	peak      float64 // MiB
}

// execute runs a program of [TestMain] to its end.
func spend(b *testing.B, name string, args ...string) spent {
	b.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	p := cmd.ProcessState
	return spent{wall: time.Since(start), cpu: p.UserTime() + p.SystemTime(), peak: peak(p)}
}

// serve starts the service in a process of its own and returns its address.
func startSandbox(b *testing.B, flags ...string) string {
	file := filepath.Join(b.TempDir(), "addr")
	cmd := exec.Command(words.Tool, append([]string{"sandbox", "--addr", "127.0.0.1:0", "--addr-file", file}, flags...)...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	b.Fatal("the service did not start")
	return ""
}

// prospects writes a list of 15 columns, as a data vendor exports it.
func prospects(b *testing.B, rows int) string {
	path := filepath.Join(b.TempDir(), fmt.Sprintf("people%d.csv", rows))
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
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
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

// enrich runs the binary over a list, from nothing to the output.
func enrich(b *testing.B, base, list string, flags ...string) spent {
	b.Helper()
	b.Setenv("OCTAVE_API_KEY", "a key")
	out := filepath.Join(b.TempDir(), "out.csv")
	args := append([]string{"run", list, "-o", out, "--base-url", base, "--progress", "none", "--concurrency", "64"}, flags...)
	return spend(b, words.Tool, args...)
}

// bare is the program to compare with: workers that post and read, nothing else.
//
//	bare BASE CONTACTS WORKERS
func bare() {
	if err := postAll(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func postAll(base, contacts, workers string) error {
	n, err := strconv.Atoi(contacts)
	w, err2 := strconv.Atoi(workers)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = w
	client := &http.Client{Transport: transport}
	jobs := make(chan int)
	var g errgroup.Group
	for range w {
		g.Go(func() error {
			for i := range jobs {
				if err := post(client, base, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	return g.Wait()
}

func post(client *http.Client, base string, i int) error {
	body := fmt.Sprintf(`{"email":"person%d@company%d.example.com","firstName":"Given%d","lastName":"Family%d","jobTitle":"Head of Sales",`+
		`"companyName":"Company %d Ltd","companyDomain":"company%d.example.com","linkedInProfile":"https://www.linkedin.com/in/person-%d"}`,
		i, i%5000, i, i, i%5000, i%5000, i)
	req, err := http.NewRequest(http.MethodPost, base+"/api/v2/agents/sequence/run", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("api_key", "a key")
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = io.ReadAll(resp.Body)
	return err
}

// BenchmarkRunOverBare is what a run costs beyond its calls: against a service
// that answers at once, with the checkpoint on the disk and the output written.
func BenchmarkRunOverBare(b *testing.B) {
	const contacts, rounds = 20_000, 5
	base, list := startSandbox(b), prospects(b, contacts)
	var cpu, speed []float64
	for b.Loop() {
		for range rounds {
			ours := enrich(b, base, list, "--rate", "0")
			plain := spend(b, "bare", base, strconv.Itoa(contacts), "64")
			cpu = append(cpu, float64(ours.cpu)/float64(plain.cpu))
			speed = append(speed, float64(plain.wall)/float64(ours.wall))
		}
	}
	target(b, "cpu/bare", median(cpu), "<=2.5")
	target(b, "contacts/s/bare", median(speed), ">=0.6")
}

func median[T cmp.Ordered](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkRate is how much of an allowed rate is used, and how closely it is
// kept, as the service counts. The first and last second are not whole.
func BenchmarkRate(b *testing.B) {
	const rate, burst, seconds = 200, 5, 20
	base, list := startSandbox(b, "--latency", "50ms"), prospects(b, rate*seconds)
	var counted []int
	for b.Loop() {
		enrich(b, base, list, "--rate", strconv.Itoa(rate)+"/s")
		counted = perSecond(b, base)
	}
	calls := 0
	whole := counted[1 : len(counted)-1]
	for _, n := range whole {
		calls += n
	}
	target(b, "%-of-limit", 100*float64(calls)/float64(rate*len(whole)), ">=97")
	target(b, "busiest-second", float64(slices.Max(counted)), fmt.Sprintf("<=%d", rate+burst))
}

// perSecond is how many calls the service counted in each second.
func perSecond(b *testing.B, base string) []int {
	response, err := http.Get(base + "/sandbox/ledger")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var books sandbox.Ledger
	if err := json.NewDecoder(response.Body).Decode(&books); err != nil {
		b.Fatal(err)
	}
	return books.PerSecond
}

// BenchmarkLongList is what a hundred times more rows cost: in memory nothing
// but the index, in time the same for each row.
func BenchmarkLongList(b *testing.B) {
	sizes := []int{10_000, 50_000, 200_000, 1_000_000}
	var took []spent
	for b.Loop() {
		for _, rows := range sizes {
			took = append(took, enrich(b, startSandbox(b), prospects(b, rows), "--rate", "0"))
		}
	}
	short, flat, middle, long := took[0], took[1], took[2], took[3]
	perRow := func(from, to int) float64 {
		return float64(took[to].wall-took[from].wall) / float64(sizes[to]-sizes[from])
	}
	target(b, "MiB-over-10k-rows", long.peak-short.peak, "<=150")
	b.ReportMetric((long.peak-flat.peak)*(1<<20)/float64(sizes[3]-sizes[1]), "B/row-beyond-50k")
	b.ReportMetric(perRow(2, 3)/perRow(1, 2), "time/row-beyond-200k")
	b.ReportMetric(middle.peak, "MiB-200k")
	b.ReportMetric(long.peak, "MiB-1M")
}

// BenchmarkExport reads, maps and writes a list of 1,000,000 rows without a call,
// beside encoding/csv that only reads and writes it.
func BenchmarkExport(b *testing.B) {
	const rows = 1_000_000
	base, list, one := startSandbox(b), prospects(b, rows), prospects(b, 1)
	b.Setenv("OCTAVE_API_KEY", "a key")
	dir := b.TempDir()
	spend(b, words.Tool, "run", one, "-o", filepath.Join(dir, "one.csv"), "--base-url", base, "--checkpoint", filepath.Join(dir, "c"))
	var ratio, cpu []float64
	var most float64
	for b.Loop() {
		for range 3 {
			ours := spend(b, words.Tool, "export", list, "-o", filepath.Join(dir, "out.csv"), "--checkpoint", filepath.Join(dir, "c"), "--force")
			plain := spend(b, "recopy", list, filepath.Join(dir, "plain.csv"))
			ratio = append(ratio, float64(ours.wall)/float64(plain.wall))
			cpu = append(cpu, float64(ours.cpu)/float64(plain.cpu))
			most = max(most, ours.peak)
		}
	}
	target(b, "time/encoding-csv", median(ratio), "<=3")
	b.ReportMetric(median(cpu), "cpu/encoding-csv")
	b.ReportMetric(most, "MiB")
}

// recopy is the program to compare with: encoding/csv alone.
//
//	recopy FROM TO
func recopy() {
	if err := recopyFile(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func recopyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	r, w := csv.NewReader(in), csv.NewWriter(out)
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.Write(record)
		}
		if err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(w.Error(), out.Close())
}

// BenchmarkKnownRows is a run whose rows were all answered before, beside a program
// that does the least that it takes: look once at the same checkpoint, read the
// list, write as many bytes. 20,000 rows, the median of five pairs.
func BenchmarkKnownRows(b *testing.B) {
	base, list := startSandbox(b), prospects(b, 20_000)
	b.Setenv("OCTAVE_API_KEY", "a key")
	out := filepath.Join(b.TempDir(), "out.csv")
	again := []string{"run", list, "-o", out, "--base-url", base, "--progress", "none", "--rate", "0"}
	spend(b, words.Tool, append(again, "--concurrency", "64")...)
	var cpu, wall []float64
	for b.Loop() {
		for range 5 {
			ours := spend(b, words.Tool, again...)
			floor := spend(b, "floor", list, out+".checkpoint", out, out+".floor")
			cpu = append(cpu, float64(ours.cpu)/float64(floor.cpu))
			wall = append(wall, float64(ours.wall)/float64(floor.wall))
		}
	}
	target(b, "cpu/floor", median(cpu), "<=1.8")
	b.ReportMetric(median(wall), "time/floor")
}

// floor is the program to compare a run over known rows with.
//
//	floor LIST CHECKPOINT OUTPUT TO
func floor() {
	if err := leastWork(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// leastWork looks at the checkpoint with json.Valid, reads the list with encoding/csv
// and writes as many bytes as the output has.
func leastWork(list, checkpoint, output, to string) error {
	records, err := os.Open(checkpoint)
	if err != nil {
		return err
	}
	defer records.Close()
	lines := bufio.NewReaderSize(records, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		_, record, _ := bytes.Cut(line, []byte{' '}) // behind its checksum
		if err != nil || !json.Valid(record) {
			return errors.Join(err, fmt.Errorf("%.40s: no JSON", line))
		}
	}
	in, err := os.Open(list)
	if err != nil {
		return err
	}
	defer in.Close()
	for r := csv.NewReader(in); ; {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	info, err := os.Stat(output)
	if err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for left := info.Size(); left > 0 && err == nil; left -= int64(len(block)) {
		_, err = f.Write(block[:min(left, int64(len(block)))])
	}
	return errors.Join(err, f.Sync(), f.Close())
}
