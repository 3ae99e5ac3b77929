package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// maxUnpacked bounds what a small archive can unpack to.
const maxUnpacked = 4 << 30

// unpack makes the one list in a .zip what the source reads, by a private copy.
// A workbook is a .zip too, and stays what it is.
func (s *Source) unpack(f *os.File) error {
	magic := make([]byte, 4)
	if n, _ := f.ReadAt(magic, 0); !bytes.HasPrefix(magic[:n], []byte("PK\x03\x04")) || s.member != "" {
		return nil
	}
	archive, err := zip.NewReader(f, s.size)
	if err != nil {
		return nil //nolint:nilerr // whoever takes it for a workbook says what is wrong with it
	}
	isPart := func(m *zip.File) bool { return m.Name == "[Content_Types].xml" || m.Name == "mimetype" }
	if slices.ContainsFunc(archive.File, isPart) {
		return nil
	}
	lists := slices.DeleteFunc(slices.Clone(archive.File), func(m *zip.File) bool { return !isList(m.Name) })
	switch {
	case len(lists) == 0:
		return &InputError{File: s.Name, Msg: "a .zip without a list in it", Hint: "unpack it first"}
	case len(lists) > 1:
		var names []string
		for _, m := range lists {
			names = append(names, m.Name)
		}
		return &InputError{File: s.Name, Msg: "a .zip with several lists in it: " + QuoteAll(names), Hint: "unpack it first, and name the list, or all of them"}
	case lists[0].Flags&1 != 0:
		return &InputError{File: s.Name, Msg: "a .zip with a password", Hint: "unpack it first"}
	case lists[0].UncompressedSize64 > maxUnpacked:
		return &InputError{File: s.Name, Msg: fmt.Sprintf("its list is larger than %d GiB", maxUnpacked>>30), Hint: "unpack it first"}
	}
	packed, err := lists[0].Open()
	if err != nil {
		return &InputError{File: s.Name, Msg: "the .zip cannot be unpacked", Hint: "unpack it first", Err: err}
	}
	defer packed.Close()
	s.member = lists[0].Name
	err = s.copyFrom(io.LimitReader(packed, maxUnpacked))
	if errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &InputError{File: s.Name, Msg: "the .zip is damaged", Hint: "copy or download it again", Err: unspoken{err}}
	}
	return err
}

// isList says whether a file of an archive may be its list: no folder, and none
// of the files that systems put beside what people pack.
func isList(name string) bool {
	base := path.Base(name)
	return !strings.HasSuffix(name, "/") && !strings.HasPrefix(base, ".") && !strings.HasPrefix(name, "__MACOSX/") && !strings.EqualFold(base, "Thumbs.db") &&
		!strings.EqualFold(path.Ext(base), ".pdf") && !strings.EqualFold(path.Ext(base), ".html")
}
