package checkpoint

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

const (
	sumLen     = 8                          // hex digits of the checksum
	prefixLen  = sumLen + 1                 // and a space
	timeFormat = "2006-01-02T15:04:05.000Z" // UTC, as wide in every record
	maxLine    = MaxBody + 512              // bytes of a line that can be whole
)

// encode returns the line of rec, newline included.
func encode(rec Record, synced int64) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(len(rec.Body) + 160)
	b := append(buf.AvailableBuffer(), `-------- {"type":"`...)
	b = append(b, rec.Type...)
	if rec.Key != (Key{}) {
		b = append(b, `","key":"`...)
		b = hex.AppendEncode(b, rec.Key[:])
	}
	b = append(b, `","at":"`...)
	b = rec.At.UTC().AppendFormat(b, timeFormat)
	b = append(b, `","synced":`...)
	b = strconv.AppendInt(b, synced, 10)
	buf.Write(b)
	if len(rec.Body) > 0 {
		buf.WriteString(`,"body":`)
		// A line end would make two lines of a record, and damage of its file:
		// looking for one costs too little to rely on anybody's word.
		if rec.OneLine && bytes.IndexByte(rec.Body, '\n') < 0 {
			buf.Write(rec.Body)
		} else if err := json.Compact(&buf, rec.Body); err != nil {
			return nil, fmt.Errorf("%w: body is not JSON: %w", ErrRecord, err)
		}
	}
	buf.WriteString("}\n")
	line := buf.Bytes()
	putSum(line[:sumLen], line[prefixLen:len(line)-1])
	return line, nil
}

// putSum spells the CRC-32C, which processors compute.
func putSum(dst, object []byte) {
	const digits = "0123456789abcdef"
	sum := crc32.Checksum(object, crc32.MakeTable(crc32.Castagnoli))
	for i := range dst {
		dst[i] = digits[sum>>(28-4*i)&15]
	}
}

// A line is a parsed record whose parts still lie in the buffer of the reader.
type line struct {
	typ    []byte
	key    Key
	at     time.Time
	synced int64
	body   []byte
}

// parse checks and takes apart a line without its newline. The reason is empty
// if the line is whole.
func parse(raw []byte) (l line, reason string) {
	if len(raw) < prefixLen+2 || raw[sumLen] != ' ' {
		return line{}, "not a record"
	}
	var sum [sumLen]byte
	object := raw[prefixLen:]
	putSum(sum[:], object)
	if !bytes.Equal(sum[:], raw[:sumLen]) {
		return line{}, "checksum does not match"
	}
	if l, ok := parseUsual(object); ok {
		return l, ""
	}
	return parseUnusual(object)
}

// parseUsual reads an object that is spelled as encode spells it. Opening a
// journal spends its time here, which is why it does not use encoding/json.
func parseUsual(b []byte) (l line, ok bool) {
	if l.typ, b, ok = quoted(b, `{"type":"`); !ok || !isWord(l.typ) {
		return line{}, false
	}
	if key, rest, ok := quoted(b, `,"key":"`); ok {
		if l.key.UnmarshalText(key) != nil {
			return line{}, false
		}
		b = rest
	}
	at, b, ok := quoted(b, `,"at":"`)
	if !ok || l.at.UnmarshalText(at) != nil {
		return line{}, false
	}
	if l.synced, b, ok = number(b, `,"synced":`); !ok {
		return line{}, false
	}
	b, ok = bytes.CutSuffix(b, []byte("}"))
	if !ok || len(b) == 0 {
		return l, ok
	}
	l.body, ok = bytes.CutPrefix(b, []byte(`,"body":`))
	return l, ok && len(l.body) > 0
}

// quoted returns what follows open in b up to the next quote.
func quoted(b []byte, open string) (val, rest []byte, ok bool) {
	if len(b) < len(open) || string(b[:len(open)]) != open {
		return nil, b, false
	}
	return bytes.Cut(b[len(open):], []byte(`"`))
}

// number returns the digits that follow open in b as a number, of which 18 fit.
func number(b []byte, open string) (val int64, rest []byte, ok bool) {
	if b, ok = bytes.CutPrefix(b, []byte(open)); !ok {
		return 0, b, false
	}
	n := 0
	for n < len(b) && n < 18 && b[n] >= '0' && b[n] <= '9' {
		val = 10*val + int64(b[n]-'0')
		n++
	}
	return val, b[n:], n == 1 || n > 1 && b[0] != '0'
}

// isWord tells whether b is a type: a lower-case word.
func isWord[T string | []byte](b T) bool {
	for i := range len(b) {
		if (b[i] < 'a' || b[i] > 'z') && b[i] != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 32
}

// parseUnusual reads an object that somebody else spelled, with a right checksum.
func parseUnusual(object []byte) (line, string) {
	var o struct {
		Type   string          `json:"type"`
		Key    Key             `json:"key"`
		At     time.Time       `json:"at"`
		Synced int64           `json:"synced"`
		Body   json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return line{}, "not a record: " + err.Error()
	}
	if !isWord(o.Type) || o.Synced < 0 {
		return line{}, "not a record"
	}
	return line{typ: []byte(o.Type), key: o.Key, at: o.At, synced: o.Synced, body: o.Body}, ""
}

// record copies l out of the reader's buffer.
func (l line) record() Record {
	return Record{Type: string(l.typ), Key: l.key, At: l.at.UTC(), Body: bytes.Clone(l.body)}
}
