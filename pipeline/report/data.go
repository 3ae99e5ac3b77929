package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"os"
)

// Data returns what a page holds, as JSON: what stands packed between its tags. The
// error says that it is no page, or a part of one.
func Data(page []byte) ([]byte, error) {
	_, rest, found := bytes.Cut(page, []byte(`id="data">`))
	packed, _, whole := bytes.Cut(rest, []byte("<"))
	if !found || !whole {
		return nil, errors.New("not a whole report page")
	}
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

// IsPage says whether a file is a page of ours, or empty.
func IsPage(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start := make([]byte, 4096)
	n, err := io.ReadFull(f, start)
	if err != nil && n == 0 && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == 0 || bytes.Contains(start[:n], []byte(Generator)), nil
}
