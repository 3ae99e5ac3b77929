package table

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCharactersAcrossReads(t *testing.T) {
	text := "aé漢🚀\nZoë"
	r, err := decoder(iotest.OneByteReader(strings.NewReader(text)), encodingUTF8, false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	r, err = decoder(iotest.OneByteReader(strings.NewReader(text+"\xc3")), encodingUTF8, false)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != text+"\xc3" {
		t.Errorf("half a character at the end: %q, %v", got, err)
	}
}
