package table

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Source is the bytes of one input, which can be read again from the start:
// a regular file, or a private copy of what can be read only once.
type Source struct {
	Name string // as a person would name it
	Path string // empty for standard input

	member string // the list inside a .zip, empty for any other file
	size   int64
	mtime  time.Time
	info   fs.FileInfo // what it was when first opened
	spool  *os.File    // the private copy, nil for a regular file
}

// NewSource looks at the file of that path; "-" is stdin.
func NewSource(path string, stdin io.Reader) (*Source, error) {
	if path == "-" {
		s := &Source{Name: "standard input"}
		if stdin == nil {
			return nil, &InputError{File: s.Name, Msg: "not available"}
		}
		return s, s.copyFrom(stdin)
	}
	s := &Source{Name: path, Path: path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, OpenError(path, err)
	}
	if info.IsDir() {
		return nil, &InputError{File: path, Msg: "a directory, not a file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, OpenError(path, err)
	}
	defer f.Close()
	if info.Mode().IsRegular() {
		s.info, s.size, s.mtime = info, info.Size(), info.ModTime()
		return s, s.unpack(f)
	}
	return s, s.copyFrom(f) // a pipe, such as <(zcat list.csv.gz)
}

// Member is the list inside a .zip that is read, empty for any other file.
func (s *Source) Member() string { return s.member }

// OpenError says why the file of that path cannot be opened.
func OpenError(path string, err error) error {
	e := &InputError{File: path, Msg: "cannot be read", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Msg, e.Err, e.Hint = "no such file", nil, "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.Msg, e.Err, e.Hint = "permission denied", nil, "check its owner and mode"
	}
	if e.Err == nil {
		e.Err = unspoken{err}
	}
	return e
}

// unspoken keeps a cause in the chain whose text says nothing new.
type unspoken struct{ error }

func (e unspoken) Error() string { return "" }
func (e unspoken) Unwrap() error { return e.error }

// copyFrom spools r to a temporary file that only its descriptor reaches, as
// it holds personal data and must not outlive the process.
func (s *Source) copyFrom(r io.Reader) error {
	f, err := os.CreateTemp("", "octave-enrich-*")
	if err != nil {
		return &InputError{File: s.Name, Msg: "cannot be copied to a temporary file", Err: err}
	}
	if s.spool != nil {
		defer s.spool.Close() // an archive, of which f gets the list
	}
	s.spool = f
	_ = os.Remove(f.Name()) // fails where open files cannot be removed: close does it then
	s.size, err = io.Copy(f, r)
	if err != nil {
		return &InputError{File: s.Name, Msg: "cannot be read", Err: err}
	}
	return s.unpack(f)
}

// open starts another reading of the bytes. It fails when the file is no
// longer the one first looked at.
func (s *Source) open() (io.ReadCloser, error) {
	if s.spool != nil {
		return &spooled{io.NewSectionReader(s.spool, 0, s.size)}, nil
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, OpenError(s.Path, err)
	}
	r := &guarded{File: f, source: s}
	if err := r.check(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// spooled reads the private copy, which outlives it.
type spooled struct{ *io.SectionReader }

// Close does nothing.
func (*spooled) Close() error { return nil }

// Close gives up the private copy.
func (s *Source) Close() error {
	if s.spool == nil {
		return nil
	}
	err := s.spool.Close()
	if rm := os.Remove(s.spool.Name()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

// guarded reads a file and tells, at its end, when it was changed meanwhile:
// half of one list and half of another must not pass for a list.
type guarded struct {
	*os.File
	source *Source
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.File.Read(p)
	if err == io.EOF {
		if changed := g.check(); changed != nil {
			return n, changed
		}
	}
	if err != nil && err != io.EOF {
		err = &InputError{File: g.source.Name, Msg: "cannot be read", Err: err}
	}
	return n, err
}

func (g *guarded) check() error {
	info, err := g.File.Stat()
	if err != nil {
		return &InputError{File: g.source.Name, Msg: "cannot be read", Err: err}
	}
	if !os.SameFile(info, g.source.info) || info.Size() != g.source.size || !info.ModTime().Equal(g.source.mtime) {
		return &InputError{File: g.source.Name, Msg: "changed while it was read", Hint: "run again when it is complete"}
	}
	return nil
}

// hashed feeds what is read to a hash as well.
func hashed(r io.ReadCloser, sum hash.Hash) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r, sum), r}
}

// isInputName says whether a file is taken from a directory by its name, which may
// also end in .gz or .zst.
func isInputName(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, ".") || strings.Contains(name, ".enriched.") || strings.Contains(name, ".held.") {
		return false // hidden, or written by this tool
	}
	ext := filepath.Ext(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst"))
	return slices.Contains([]string{".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xlsx", ".zip"}, ext)
}

// Expand turns the paths of a command line into files: a directory into the
// inputs in it, by name; a pattern into what it matches; a path named twice
// counts once.
func Expand(paths, skip []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		found, err := expandOne(path, skip)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		return nil, &InputError{File: "input", Msg: "no file named"}
	}
	return files, nil
}

func expandOne(path string, skip []string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil && isAddress(path) {
		return nil, addressError(path)
	}
	if err == nil && info.IsDir() {
		return filesIn(path, skip)
	}
	if !IsPattern(path) {
		return []string{path}, nil
	}
	found, err := filepath.Glob(path)
	if err != nil {
		return nil, &InputError{File: path, Msg: "not a pattern", Err: err}
	}
	found = slices.DeleteFunc(found, func(f string) bool { return !isInputName(filepath.Base(f)) || isOneOf(f, skip) })
	if len(found) == 0 {
		return nil, &InputError{File: path, Msg: "no input file matches"}
	}
	return found, nil
}

// isAddress says whether a path is one of the web or of a store in it.
func isAddress(path string) bool {
	scheme, rest, found := strings.Cut(path, "://")
	return found && rest != "" && !strings.ContainsAny(scheme, `/\`)
}

// addressError says how to make a file of what is at an address. Nothing is
// fetched here: most such addresses show a page, and not the list.
func addressError(address string) error {
	e := &InputError{File: address, Msg: "an address, and not a file", Hint: "download it first, and name the file that you have then"}
	switch {
	case strings.Contains(address, "docs.google.com/spreadsheets"):
		e.Hint = "in Google Sheets choose File > Download > Comma-separated values (.csv), and name the file that you have then"
	case strings.Contains(address, "sharepoint.com") || strings.Contains(address, "1drv.ms") || strings.Contains(address, "onedrive.live.com"):
		e.Hint = "in Excel on the web choose File > Save as > Download a copy, and name the file that you have then"
	}
	return e
}

// IsPattern says whether Open would take a path for a pattern, as there is no
// file of that name.
func IsPattern(path string) bool {
	if !strings.ContainsAny(path, "*?[") {
		return false
	}
	_, err := os.Stat(path)
	return err != nil
}

// isOneOf says whether a path leads to one of the files, which may not exist.
func isOneOf(path string, files []string) bool {
	info, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(files, func(f string) bool {
		other, err := os.Stat(f)
		return err == nil && os.SameFile(info, other)
	})
}

func filesIn(dir string, skip []string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, OpenError(dir, err)
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() && isInputName(e.Name()) && !isOneOf(path, skip) {
			files = append(files, path)
		}
	}
	if len(files) == 0 {
		return nil, &InputError{File: dir, Msg: "no .csv, .tsv, .jsonl, .xlsx or .zip file in this directory"}
	}
	return files, nil
}

// ShortNames gives every file the shortest name that tells it from the others.
func ShortNames(paths []string) []string {
	count := map[string]int{}
	for _, p := range paths {
		count[filepath.Base(p)]++
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
		switch {
		case p == "-":
			names[i] = "stdin"
		case count[names[i]] > 1:
			names[i] = filepath.ToSlash(p)
		}
	}
	return names
}

// Named puts the file's name into an error of a scanner.
func Named(file string, err error) error {
	var input *InputError
	var option *OptionError
	switch {
	case errors.As(err, &input):
		if input.File == "" {
			input.File = file
		}
		return input
	case errors.As(err, &option), errors.Is(err, ErrNotUTF8):
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}

// ReadText reads a whole file, unpacked and decoded.
func (s *Source) ReadText() ([]byte, error) {
	raw, err := s.open()
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	r, _, done, err := decompress(raw)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if kind := knownBinary(all); kind != "" {
		return nil, &InputError{Msg: "a " + kind + " file, not a list", Hint: "save it as text or CSV"}
	}
	encoding, _ := detectEncoding(all, true, nil, nil)
	text, err := decoder(bytes.NewReader(all), encoding, true)
	if err != nil {
		return nil, err
	}
	all, err = io.ReadAll(text)
	if bytes.IndexByte(all, 0) >= 0 {
		return nil, &InputError{Msg: "not a text file: it holds zero bytes"}
	}
	return all, err
}
