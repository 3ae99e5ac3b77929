package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A jsonRecords reads one JSON object a line. Cells are aligned with keys, in
// order of first appearance, which grow as new ones are met.
type jsonRecords struct {
	in      *bufio.Reader
	keys    map[string]int
	names   []string
	line    int
	pending []byte
	cells   []string
	closer  func() error
}

func keysOf(names []string) map[string]int {
	keys := make(map[string]int, len(names))
	for i, n := range names {
		keys[n] = i
	}
	return keys
}

func (j *jsonRecords) column(key string) int {
	i, ok := j.keys[key]
	if !ok {
		i = len(j.names)
		j.keys[key] = i
		j.names = append(j.names, key)
	}
	return i
}

func (j *jsonRecords) Next() (Record, error) {
	for {
		text, err := j.readLine()
		if err != nil {
			return Record{}, err
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return j.parse(text), nil
		}
	}
}

// readLine returns the next line without its end.
func (j *jsonRecords) readLine() ([]byte, error) {
	j.pending = j.pending[:0]
	for {
		part, err := j.in.ReadSlice('\n')
		if len(j.pending)+len(part) > maxRecord {
			return nil, &InputError{Line: j.line + 1, Msg: fmt.Sprintf("a line of more than %d MiB", maxRecord>>20)}
		}
		if err == bufio.ErrBufferFull {
			j.pending = append(j.pending, part...)
			continue
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(j.pending) > 0 {
			j.pending = append(j.pending, part...)
			part = j.pending
		}
		if len(part) == 0 {
			return nil, io.EOF
		}
		j.line++
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte{'\n'}), []byte{'\r'}), nil
	}
}

// parse takes an object apart; anything else is a record that says so.
func (j *jsonRecords) parse(text []byte) Record {
	j.cells = j.cells[:0]
	object := bytes.TrimSpace(text)
	if problem := objectProblem(object); problem != "" {
		return Record{Line: j.line, Raw: string(text), Problem: fmt.Sprintf("line %d: %s", j.line, problem), Cells: j.cells}
	}
	kept := string(object)
	Members(kept, func(key, value string) {
		i := j.column(key)
		for len(j.cells) <= i {
			j.cells = append(j.cells, "")
		}
		j.cells[i] = CellOf(value)
	})
	return Record{Line: j.line, Cells: j.cells, Object: json.RawMessage(kept)}
}

// objectProblem says why a line is no JSON object. It quotes nothing of it.
func objectProblem(text []byte) string {
	if json.Valid(text) {
		if text[0] == '{' {
			return ""
		}
		return "not a JSON object"
	}
	var v json.RawMessage
	err := json.Unmarshal(text, &v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("broken JSON at byte %d", syntax.Offset)
	}
	return "broken JSON"
}

// Members calls f with every member of a valid JSON object, in order.
func Members(object string, f func(key, value string)) {
	gjson.Parse(object).ForEach(func(key, value gjson.Result) bool {
		f(CellOf(key.Raw), value.Raw)
		return true
	})
}

// CellOf is the text of a value: a string without its quotes, nothing for
// null, and everything else as it is spelled.
func CellOf(value string) string {
	switch {
	case value == "null":
		return ""
	case value[0] != '"':
		return value
	case strings.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(value), &s) // a valid string: it does not fail
	return s
}

func (j *jsonRecords) Close() error { return j.closer() }

// arrayRecords reads the objects of one list, [{...}, ...], as a stream. Their
// lines are their numbers.
type arrayRecords struct {
	jsonRecords
	decoder *json.Decoder
	started bool
}

func (a *arrayRecords) Next() (Record, error) {
	if !a.started {
		if _, err := a.decoder.Token(); err != nil {
			return Record{}, a.damaged(err)
		}
		a.started = true
	}
	if !a.decoder.More() {
		if _, err := a.decoder.Token(); err != nil {
			return Record{}, a.damaged(err)
		}
		if _, err := a.decoder.Token(); err != io.EOF {
			return Record{}, &InputError{Msg: "more behind the end of the list", Hint: "one list of objects, or one object a line"}
		}
		return Record{}, io.EOF
	}
	var element json.RawMessage
	if err := a.decoder.Decode(&element); err != nil {
		return Record{}, a.damaged(err)
	}
	a.line++
	var one bytes.Buffer
	if err := json.Compact(&one, element); err != nil { // objects go out one a line
		return Record{}, a.damaged(err)
	}
	return a.parse(one.Bytes()), nil
}

// damaged says where a list breaks; a failed read stays what it is.
func (a *arrayRecords) damaged(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &InputError{Msg: fmt.Sprintf("broken JSON behind object %d of the list", a.line), Hint: "export or download it again", Err: unspoken{err}}
	}
	return err
}

// Paths are the ways to the values inside a cell that holds an object of JSON,
// or a list whose first element is one. The ways go three keys deep.
func Paths(cell string) [][]string {
	object := firstObject(cell)
	if object == "" {
		return nil
	}
	var paths [][]string
	var walk func(object string, above []string)
	walk = func(object string, above []string) {
		Members(object, func(key, value string) {
			path := append(slices.Clone(above), key)
			if inner := firstObject(value); inner != "" && len(path) < 3 {
				walk(inner, path)
				return
			}
			paths = append(paths, path)
		})
	}
	walk(object, nil)
	return paths
}

// Inside is the value at the end of a path into a cell, empty when there is none.
func Inside(cell string, path []string) string {
	for _, key := range path {
		object := firstObject(cell)
		if object == "" {
			return ""
		}
		cell = ""
		Members(object, func(k, value string) {
			if k == key {
				cell = CellOf(value)
			}
		})
	}
	return cell
}

// firstObject is the object that a text is, or the first of a list; else "".
func firstObject(cell string) string {
	text := strings.TrimSpace(cell)
	if len(text) < 2 || text[0] != '{' && text[0] != '[' || !json.Valid([]byte(text)) {
		return ""
	}
	if text[0] == '[' {
		text = gjson.Get(text, "0").Raw
	}
	if !strings.HasPrefix(text, "{") {
		return ""
	}
	return text
}
