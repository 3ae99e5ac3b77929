package table

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	textunicode "golang.org/x/text/encoding/unicode"
)

// sniffSize is how much of a file is looked at before it is read.
const sniffSize = 256 << 10

// The encodings that are detected. Any other is for --encoding.
const (
	encodingUTF8    = "utf-8"
	encodingUTF16LE = "utf-16le"
	encodingUTF16BE = "utf-16be"
	CP1252          = "windows-1252"
)

// ErrNotUTF8 says that a text taken for UTF-8 is none, far behind its start.
var ErrNotUTF8 = errors.New("not UTF-8")

// decompress recognises gzip and zstd by content, whatever the name says.
func decompress(r io.Reader) (io.Reader, string, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, "", nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, "", nil, damaged("gzip", err)
		}
		return damageReader{z, "gzip"}, "gzip", func() {}, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, "", nil, damaged("zstd", err)
		}
		return damageReader{z, "zstd"}, "zstd", z.Close, nil
	}
	return b, "", func() {}, nil
}

// damageReader tells a cut or broken archive from the end of the input.
type damageReader struct {
	io.Reader
	kind string
}

func (d damageReader) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(d.kind, err)
	}
	return n, err
}

func damaged(kind string, err error) error {
	if _, ok := errors.AsType[*InputError](err); ok {
		return err // of the file below
	}
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &InputError{Msg: "the " + kind + " file is cut off", Hint: "copy or download it again", Err: unspoken{err}}
	case errors.As(err, &corrupt):
		return &InputError{Msg: "the " + kind + " file is damaged", Hint: "copy or download it again", Err: unspoken{err}}
	}
	return &InputError{Msg: "the " + kind + " file is damaged", Hint: "copy or download it again", Err: err}
}

// detectEncoding judges the first bytes of a text: BOM, then the pattern of
// zero bytes, then UTF-8; what is neither is in one of the older encodings, see
// guessEncoding. A text with more characters of UTF-8 than bytes that are not is
// UTF-8 with an error in it.
func detectEncoding(head []byte, whole bool, score Score, languages Languages) (name string, alike []string) {
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return encodingUTF8, nil
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return encodingUTF16LE, nil
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return encodingUTF16BE, nil
	}
	if name := zeroPattern(head); name != "" {
		return name, nil
	}
	good, bad := beyondASCII(wholeRunes(head, whole))
	if bad > 0 && bad >= good {
		return guessEncoding(head, score, languages)
	}
	return encodingUTF8, nil
}

// beyondASCII counts the characters of UTF-8 that are not ASCII, and the
// bytes that are not UTF-8.
func beyondASCII(text []byte) (good, bad int) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			bad++
		case size > 1:
			good++
		}
		text = text[size:]
	}
	return good, bad
}

// zeroPattern recognises UTF-16 without a BOM: delimiters, line ends and
// digits have a zero byte on one side, always the same.
func zeroPattern(head []byte) string {
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	few := len(head)/50 + 1
	switch {
	case zeros[1] > few && zeros[0] <= zeros[1]/20:
		return encodingUTF16LE
	case zeros[0] > few && zeros[1] <= zeros[0]/20:
		return encodingUTF16BE
	}
	return ""
}

// wholeRunes cuts a rune that the end of the window split.
func wholeRunes(head []byte, whole bool) []byte {
	if whole {
		return head
	}
	for n := 1; n <= utf8.UTFMax && n <= len(head); n++ {
		if utf8.RuneStart(head[len(head)-n]) {
			if !utf8.FullRune(head[len(head)-n:]) {
				return head[:len(head)-n]
			}
			break
		}
	}
	return head
}

// decoder turns text in the named encoding into UTF-8 without a BOM.
// A detected UTF-8 is held to it; a demanded one passes every byte.
func decoder(r io.Reader, name string, demanded bool) (io.Reader, error) {
	switch name {
	case encodingUTF8:
		r = SkipBOM(r)
		if demanded {
			return r, nil
		}
		// The buffer serves readers of a few bytes; large reads pass it by.
		return bufio.NewReaderSize(&utf8Reader{r: r}, 64<<10), nil
	case encodingUTF16LE:
		return textunicode.UTF16(textunicode.LittleEndian, textunicode.UseBOM).NewDecoder().Reader(r), nil
	case encodingUTF16BE:
		return textunicode.UTF16(textunicode.BigEndian, textunicode.UseBOM).NewDecoder().Reader(r), nil
	case CP1252:
		if !demanded {
			r = &holes{r: r}
		}
		return charmap.Windows1252.NewDecoder().Reader(r), nil
	}
	enc, err := encodingNamed(name)
	if err != nil {
		return nil, err
	}
	return SkipBOM(enc.NewDecoder().Reader(r)), nil
}

// holes passes bytes on that mean something in Windows-1252. Five do not: a text
// with one of them is in another encoding, and would lose that character.
type holes struct {
	r     io.Reader
	lines int
}

func (h *holes) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	for _, c := range p[:n] {
		switch c {
		case '\n':
			h.lines++
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return 0, &InputError{Line: h.lines + 1, Msg: "neither UTF-8 nor Windows-1252",
				Hint: "name its encoding: --encoding shift_jis, gb18030, big5, euc-kr, windows-1251, ..."}
		}
	}
	return n, err
}

func encodingNamed(name string) (encoding.Encoding, error) {
	switch strings.ToLower(name) { // of DOS; the standard of the web has left them out
	case "cp850", "ibm850":
		return charmap.CodePage850, nil
	case "cp852", "ibm852":
		return charmap.CodePage852, nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, &OptionError{Msg: fmt.Sprintf("unknown encoding %q", name), Hint: "for example --encoding utf-8, utf-16le, windows-1252, iso-8859-2, shift_jis"}
	}
	return enc, nil
}

// CanonicalEncoding spells a name given by the user as the constants do.
func CanonicalEncoding(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	enc, err := encodingNamed(name)
	if err != nil {
		return "", err
	}
	switch enc {
	case charmap.CodePage850:
		return "cp850", nil
	case charmap.CodePage852:
		return "cp852", nil
	}
	return htmlindex.Name(enc)
}

// SkipBOM passes over the byte order mark of UTF-8.
func SkipBOM(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	mark, err := b.Peek(3)
	if err != nil && err != io.EOF {
		return failed{err} // the buffer tells an error once, and it was told here
	}
	if bytes.Equal(mark, []byte{0xef, 0xbb, 0xbf}) {
		_, _ = b.Discard(3)
	}
	return b
}

// failed is a reader whose first read failed.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// utf8Reader passes UTF-8 through, and with it the odd byte that is none in a
// text that otherwise is. It stops with ErrNotUTF8 where nothing before spoke for
// UTF-8, as the bytes so far are the same in most encodings. It is to be read
// with room for more than one character.
type utf8Reader struct {
	r      io.Reader
	tail   [utf8.UTFMax]byte // the start of a character that the last read cut
	n      int
	beyond bool // characters beyond ASCII have passed
}

func (u *utf8Reader) Read(p []byte) (int, error) {
	k := copy(p, u.tail[:u.n])
	n, err := u.r.Read(p[k:])
	n += k
	if isASCII(p[:n]) {
		u.n = 0
		return n, err
	}
	whole := wholeRunes(p[:n], err == io.EOF)
	if !utf8.Valid(whole) {
		// In a text that has characters beyond ASCII in UTF-8 a bad byte spoils its cell
		// alone; any other may be in another encoding.
		if good, bad := beyondASCII(whole); !u.beyond && good <= bad {
			return 0, ErrNotUTF8
		}
	}
	u.beyond = u.beyond || !isASCII(whole)
	u.n = copy(u.tail[:], p[len(whole):n])
	return len(whole), err
}

// isASCII looks at eight bytes at a time, as nearly all of nearly all lists are.
func isASCII(text []byte) bool {
	for ; len(text) >= 8; text = text[8:] {
		if binary.LittleEndian.Uint64(text)&0x8080808080808080 != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf })
}
