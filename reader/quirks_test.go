package reader

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	textunicode "golang.org/x/text/encoding/unicode"
)

// quirks are what happens to a list on its way through other tools, without a
// change of its cells.
func quirks() []func(string) string {
	return []func(string) string{
		func(s string) string { return s },
		func(s string) string { return "\xef\xbb\xbf" + s },
		func(s string) string { return "My export, all of it\n\n" + s },
		func(s string) string { return strings.TrimSuffix(s, "\n") },
		func(s string) string { return s + "\n\n\n" },
		gzipped,
		zstded,
		func(s string) string { return utf16(s, textunicode.LittleEndian, textunicode.UseBOM) },
		func(s string) string { return utf16(s, textunicode.BigEndian, textunicode.UseBOM) },
		func(s string) string { return gzipped(utf16(s, textunicode.LittleEndian, textunicode.UseBOM)) },
	}
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func zstded(s string) string {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err.Error()
	}
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func utf16(s string, e textunicode.Endianness, bom textunicode.BOMPolicy) string {
	out, err := textunicode.UTF16(e, bom).NewEncoder().String(s)
	if err != nil {
		return err.Error()
	}
	return out
}

func rewrite(tb interface{ Fatal(...any) }, path, content string) {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestEncodings(t *testing.T) {
	text := "Email\tFirst Name\tCompany\na@b.example\tJörg\tKälberer & Söhne\n"
	latin := strings.NewReplacer("ö", "\xf6", "ä", "\xe4").Replace(text)
	late := "Email,First Name\n" + strings.Repeat("person@example.com,Ann\n", 40_000)
	for _, test := range []struct{ what, content, encoding, demanded, name string }{
		{"utf-8", text, "utf-8", "", "Jörg"},
		{"BOM", "\xef\xbb\xbf" + text, "utf-8", "", "Jörg"},
		{"UTF-16LE with BOM", utf16(text, textunicode.LittleEndian, textunicode.UseBOM), "utf-16le", "", "Jörg"},
		{"UTF-16BE with BOM", utf16(text, textunicode.BigEndian, textunicode.UseBOM), "utf-16be", "", "Jörg"},
		{"UTF-16LE without", utf16(text, textunicode.LittleEndian, textunicode.IgnoreBOM), "utf-16le", "", "Jörg"},
		{"UTF-16BE without", utf16(text, textunicode.BigEndian, textunicode.IgnoreBOM), "utf-16be", "", "Jörg"},
		{"windows-1252", latin, "windows-1252", "", "Jörg"},
		{"demanded", strings.ReplaceAll(text, "ö", "\xbe"), "macintosh", "macintosh", "Jæ" + "rg"},
		{"latin-1 is windows-1252", latin, "windows-1252", "latin1", "Jörg"},
		{"a byte far behind the start", late + "b@b.example,J\xf6rg\n", "windows-1252", "", "Jörg"},
		{"taken as it is", "Email,First Name\na@b.example,J\xf6rg\n", "utf-8", "utf-8", "J\xf6rg"},
	} {
		t.Run(test.what, func(t *testing.T) {
			in := open(t, Options{Encoding: test.demanded}, file(t, "a.csv", test.content))
			equal(t, "encoding", in.Profile().Files[0].Encoding, test.encoding)
			all := contacts(t, in)
			equal(t, "cell", all[len(all)-1].Cells[1], test.name)
		})
	}
}

func TestLayouts(t *testing.T) {
	for _, test := range []struct {
		what, content, delimiter string
		header                   int
	}{
		{"comma", "Email,First Name\na@b.example,Ann; Mary; Lou\n", ",", 1},
		{"semicolon with many commas", "Email;First Name;Kontostand\na@b.example;Ann;1,0,0,0\n", ";", 1},
		{"tab", "Email\tFirst Name\na@b.example\tAnn\n", "tab", 1},
		{"pipe", "Email|First Name\na@b.example|Ann\n", "|", 1},
		{"sep=", "sep=;\r\nEmail;First Name\r\na@b.example;Ann\r\n", ";", 2},
		{"quoted sep=", "\"sep=|\"\nEmail|First Name\na@b.example|Ann\n", "|", 2},
		{"CR alone", "Email,First Name\ra@b.example,Ann\rb@b.example,Bo\r", ",", 1},
		{"preamble with quotes and commas", "Report \"Q4, leads\"\nOwner: Ann, Bo, Cy, Di\n\nEmail,First Name\na@b.example,Ann\n", ",", 4},
		{"preamble over lines", "\"two\nlines\"\nEmail,First Name\na@b.example,Ann\n", ",", 3},
		{"one column", "email\na@b.example\n", ",", 1},
		{"header over lines", "\"E-mail\n\",\"First\nName\"\na@b.example,Ann\n", ",", 1},
	} {
		in := open(t, Options{}, file(t, "a.csv", test.content))
		f := in.Profile().Files[0]
		equal(t, test.what+": delimiter", f.Delimiter, test.delimiter)
		equal(t, test.what+": header line", f.HeaderLine, test.header)
		equal(t, test.what+": email", contacts(t, in)[0].Person.Email, "a@b.example")
	}
}

func TestFormats(t *testing.T) {
	csv, jsonl := "email,city\na@b.example,Bonn\n", `{"email":"a@b.example"}`+"\n"
	for _, test := range []struct{ name, content, demanded, format, compression string }{
		{"a.csv", csv, "", "csv", ""},
		{"a.txt", csv, "", "csv", ""},
		{"a.tsv", "email\tcity\na@b.example\tBonn, Rhein\n", "", "tsv", ""},
		{"a.csv", "email\tcity\na@b.example\tBonn, Rhein\n", "", "tsv", ""},
		{"a.csv", "email\tcity, state\na@b.example\tx\n", "tsv", "tsv", ""},
		{"a.jsonl", jsonl, "", "jsonl", ""},
		{"a.ndjson.gz", gzipped(jsonl), "", "jsonl", "gzip"},
		{"a", jsonl, "", "jsonl", ""},
		{"a.csv", gzipped(csv), "", "csv", "gzip"},
		{"a.csv", gzipped(csv[:11]) + gzipped(csv[11:]), "", "csv", "gzip"},
		{"a.gz", zstded(csv), "", "csv", "zstd"},
		{"a.csv", jsonl, "ndjson", "jsonl", ""},
	} {
		in := open(t, Options{Format: test.demanded}, file(t, test.name, test.content))
		f := in.Profile().Files[0]
		equal(t, test.name, []string{f.Format, f.Compression}, []string{test.format, test.compression})
		equal(t, test.name, contacts(t, in)[0].Person.Email, "a@b.example")
	}
	cut := gzipped("email\n" + strings.Repeat("a@b.example\n", 1000))
	e := inputError(t, Options{}, file(t, "cut.csv.gz", cut[:len(cut)-8]))
	if !strings.Contains(e.Msg, "cut off") {
		t.Errorf("%v", e)
	}
}
