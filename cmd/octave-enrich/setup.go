package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// sandboxService is who answered, in the header of a checkpoint, when it was the
// embedded agent.
const sandboxService = "sandbox"

// A list is an input made ready to ask about.
type list struct {
	input      *reader.Input
	questioner *pipeline.Questioner
	exclude    func(reader.Contact) string
	settings   pipeline.Settings
}

// openList reads the inputs once, so that whatever is wrong with them is said
// before anything is paid.
func (a *app) openList(o *options, inputs []string) (*list, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	opt, err := o.readerOptions(a)
	if err != nil {
		return nil, err
	}
	exclude, err := o.excluder()
	if err != nil {
		return nil, err
	}
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return nil, inputError(err)
	}
	questioner, err := pipeline.NewQuestioner(settings, in.Columns())
	if err != nil {
		in.Close()
		return nil, &exitError{code: exitUsage, err: err}
	}
	return &list{in, questioner, exclude, settings}, nil
}

// excluder reads the do-not-contact list; a run without it would be a run
// against it, so that every error stops.
func (o *options) excluder() (func(reader.Contact) string, error) {
	var listed *reader.ExcludeList
	if o.exclude != "" {
		var err error
		if listed, err = reader.ReadExclude(o.exclude); err != nil {
			return nil, &exitError{code: exitUsage, err: err}
		}
	}
	return func(c reader.Contact) string {
		if o.respectOptOut && c.OptOut != "" {
			return "opted out: column " + c.OptOut
		}
		if listed != nil {
			if why, hit := listed.Match(c.Person); hit {
				return "on the exclude list: " + why
			}
		}
		return ""
	}, nil
}

// places are the files of a run.
type places struct{ output, checkpoint string }

// places decides where rows and answers go, and refuses what would overwrite the
// input or mix two files up.
func (o *options) places(inputs []string) (p places, err error) {
	p.output = strings.ReplaceAll(o.output, datePlace, time.Now().Format(time.DateOnly))
	if p.output == "" {
		if areSeveral(inputs) {
			return p, usageError("several inputs need an output: -o FILE")
		}
		p.output = defaultOutput(inputs[0], o.outFormat)
	}
	o.own = []string{p.output}
	p.checkpoint = o.checkpointPath
	if p.checkpoint == "" {
		if p.output == "-" {
			return p, usageError("rows on standard output need a checkpoint beside them: --checkpoint FILE")
		}
		if p.checkpoint, err = checkpointOf(cmp.Or(o.output, p.output)); err != nil {
			return p, err
		}
	}
	for _, input := range inputs {
		for _, other := range []string{p.output, p.output + ".partial", p.checkpoint} {
			if sameFile(input, other) {
				return p, usageError("%s is the input: choose another -o or --checkpoint", other)
			}
		}
	}
	if sameFile(p.output, p.checkpoint) {
		return p, usageError("%s cannot hold both the rows and the answers", p.output)
	}
	return p, nil
}

// areSeveral says whether no output can be named after the input.
func areSeveral(inputs []string) bool { return len(inputs) != 1 || reader.IsPattern(inputs[0]) }

// datePlace stands in an output's name for the day on which a run begins, here.
const datePlace = "{date}"

// checkpointOf is the default checkpoint of an output: one for the outputs of all
// days, as tomorrow's is a function of the same answers.
func checkpointOf(output string) (string, error) {
	if strings.Contains(filepath.Dir(output), datePlace) {
		return "", usageError("-o %s: a folder for each day leaves no place for the one checkpoint of them all: name it with --checkpoint FILE", output)
	}
	return strings.ReplaceAll(output, datePlace, "all") + ".checkpoint", nil
}

// defaultOutput puts .enriched before the extension: people.csv.gz becomes
// people.enriched.csv.gz, and standard input goes to standard output.
func defaultOutput(input, format string) string {
	if input == "-" {
		return "-"
	}
	name := strings.TrimRight(input, `/\`)
	var ext string
	for _, known := range []string{".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(name), known) {
			name, ext = name[:len(name)-len(known)], name[len(name)-len(known):]
		}
	}
	inner := filepath.Ext(name)
	stem := strings.TrimSuffix(name, inner)
	switch strings.ToLower(inner) {
	case ".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx":
	default:
		stem, inner = name, ".csv"
	}
	if format != "" {
		inner = "." + format
	}
	return stem + ".enriched" + inner + ext
}

func sameFile(a, b string) bool {
	if a == "-" || b == "-" {
		return false
	}
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// serviceName is what the checkpoint calls the service: answers of one are never
// taken for another's.
func (o *options) serviceName() (string, error) {
	if o.sandbox {
		return sandboxService, nil
	}
	u, err := url.Parse(o.baseURL)
	if err != nil || u.Hostname() == "" {
		return "", usageError("--base-url %s: write it as https://host", o.baseURL)
	}
	return strings.ToLower(u.Hostname()), nil
}

// newClient makes the client, against the network or the embedded agent.
func (o *options) newClient() (*octave.Client, error) {
	if o.agent != "" && o.experiment != "" {
		return nil, usageError("--agent and --experiment exclude each other")
	}
	cfg := octave.Config{
		BaseURL: o.baseURL, Timeout: time.Duration(o.timeout), Concurrency: o.concurrency,
		Source: tool + "/" + version,
	}
	if o.sandbox {
		cfg.BaseURL, cfg.Key = "http://127.0.0.1", "sandbox"
		cfg.Transport = sandbox.Transport(sandbox.New(sandbox.Config{}))
	} else if err := o.secure(&cfg); err != nil {
		return nil, err
	}
	client, err := octave.NewClient(cfg)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	return client, nil
}

// secure finds the key and refuses to send it in the clear.
func (o *options) secure(cfg *octave.Config) error {
	u, err := url.Parse(o.baseURL)
	if err != nil {
		return usageError("--base-url: %w", err)
	}
	if u.Scheme != "https" && !isLoopback(u.Hostname()) && !o.insecure {
		return &exitError{code: exitUsage, err: fmt.Errorf("--base-url %s would send the key in the clear", u.Redacted()),
			hint: "use https, or allow it with --insecure"}
	}
	cfg.Key, err = o.key()
	return err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// key looks where the key may be; it is never on the command line, where every
// user of the machine could read it.
func (o *options) key() (octave.Secret, error) {
	file := o.keyFile
	if file == "" {
		if key := strings.TrimSpace(os.Getenv("OCTAVE_API_KEY")); key != "" {
			return octave.Secret(key), nil
		}
		if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
			file = filepath.Join(dir, "octave_api_key")
		}
	}
	if file == "" {
		return "", &exitError{code: exitUsage, err: errors.New("no API key"),
			hint: "set OCTAVE_API_KEY, or name a file that holds it with --key-file\nto try without one: --sandbox"}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", usageError("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, "\r\n\x00") {
		return "", usageError("--key-file %s: write the key, and nothing else, on one line", file)
	}
	return octave.Secret(key), nil
}

// looseKeyFile says whether others can read the file of the key.
func (o *options) looseKeyFile() bool {
	if o.keyFile == "" || o.sandbox {
		return false
	}
	info, err := os.Stat(o.keyFile)
	return err == nil && info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/'
}

// openJournal opens the checkpoint for a run, waiting for another one as long as
// was asked; waiting says so.
func (o *options) openJournal(ctx context.Context, path, service string, waiting func()) (*checkpoint.Journal, error) {
	opt := checkpoint.Options{Header: checkpoint.Header{Tool: tool + " " + version, Service: service}}
	deadline := time.Now().Add(time.Duration(o.waitLock))
	for {
		journal, err := checkpoint.Open(path, opt)
		if errors.Is(err, checkpoint.ErrLocked) && time.Now().Before(deadline) {
			waiting()
			waiting = func() {} // once is enough
			select {
			case <-time.After(200 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil, checkpointError(path, err)
			}
		}
		if err != nil {
			return nil, checkpointError(path, err)
		}
		if answered := journal.Header().Service; answered != service {
			journal.Close()
			return nil, &exitError{code: exitUsage,
				err:  fmt.Errorf("%s holds answers of %s; they are not mixed with those of %s", path, answered, service),
				hint: "start another one with --checkpoint FILE (and -o), or move this one away"}
		}
		return journal, nil
	}
}

// RunBody is the body of a run record: what the questions were made of.
type RunBody struct {
	ID       string            `json:"id"`
	Version  string            `json:"version"`
	Input    InputBody         `json:"input"`
	Output   string            `json:"output"`
	Settings pipeline.Settings `json:"settings"`
	Mapping  []Mapped          `json:"mapping,omitempty"` // for the report
	// Pinned is the mapping file of the run.
	Pinned *reader.MapFile `json:"pinned,omitempty"`
}

// InputBody names an input.
type InputBody struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

func inputBody(p *reader.Profile) InputBody {
	names := make([]string, len(p.Files))
	for i, file := range p.Files {
		names[i] = file.Name
	}
	return InputBody{Name: strings.Join(names, ", "), SHA256: p.SHA256, Rows: p.Rows}
}

// OutputBody is the body of an output record: what was written, so that it may be
// written again.
type OutputBody struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

// appendRecord makes a record about the whole run durable.
func appendRecord(journal *checkpoint.Journal, path, kind string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := journal.Append(checkpoint.Record{Type: kind, At: time.Now(), Body: raw}); err != nil {
		return checkpointError(path, err)
	}
	return nil
}

// recordOutput remembers a finished output and the rows held back from it.
func recordOutput(journal *checkpoint.Journal, path string, output writer.Output) error {
	for _, part := range []*writer.Output{&output, output.Held} {
		if part == nil || part.Path == "-" {
			continue
		}
		whole, err := filepath.Abs(part.Path) // erase names it, wherever it is called
		if err != nil {
			whole = part.Path
		}
		body := OutputBody{Path: whole, SHA256: part.SHA256, Rows: part.Rows}
		if err := appendRecord(journal, path, checkpoint.Output, body); err != nil {
			return err
		}
	}
	return nil
}

// ours says whether path may be replaced: it is not there, or was written from
// this checkpoint and not changed since.
func ours(path string, journal *checkpoint.Journal) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, outputError(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return false, outputError(fmt.Errorf("%s is not a regular file", path))
	}
	if journal == nil {
		return false, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, outputError(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return slices.ContainsFunc(journal.RunRecords(), func(rec checkpoint.Record) bool {
		var body OutputBody
		return rec.Type == checkpoint.Output && json.Unmarshal(rec.Body, &body) == nil && body.SHA256 == sum
	}), nil
}

// mayWrite refuses an output that is somebody else's.
func (o *options) mayWrite(output string, journal *checkpoint.Journal) error {
	if output == "-" || o.force {
		return nil
	}
	paths := []string{output}
	if o.preset != "generic" {
		paths = append(paths, writer.HeldPath(output))
	}
	for _, path := range paths {
		ok, err := ours(path, journal)
		if err != nil {
			return err
		}
		if !ok {
			return &exitError{code: exitOutput, err: fmt.Errorf("%s exists and was not written from this checkpoint, or was changed since", path),
				hint: "choose another -o, move it away, or overwrite it with --force"}
		}
	}
	return nil
}

// writerOptions are what the writer needs of the flags.
func (o *options) writerOptions(a *app, columns []string, emailsGiven bool, spool string) writer.Options {
	opt := writer.Options{
		Format: o.outFormat, Columns: columns, Emails: o.emails, Preset: o.preset,
		Excel: o.excel, Thread: o.thread, Keep: o.keep, Stdout: a.stdout, SpoolDir: spool,
	}
	if o.preset != "generic" && !emailsGiven {
		opt.Emails = 0 // as many as the longest sequence has
	}
	return opt
}
