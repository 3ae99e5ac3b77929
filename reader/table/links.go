package table

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// links are the addresses behind the cells of a sheet, by row and column from 1
// and 0. excelize finds them by keeping the whole sheet in memory; here it is
// read past once.
type links map[int]map[int]string

// into are the cells of a row, with [text](address) for those that lead somewhere;
// nil when none does.
func (l links) into(row int, cells []string) []string {
	if l[row] == nil {
		return nil
	}
	linked := slices.Clone(cells)
	for column, address := range l[row] {
		for len(linked) <= column { // an empty cell at the end, with a link behind it
			linked = append(linked, "")
		}
		if linked[column] != address {
			linked[column] = "[" + linked[column] + "](" + address + ")"
		}
	}
	return linked
}

func (l links) add(cell, address string) {
	first, last, _ := strings.Cut(cell, ":")
	column, row, err := excelize.CellNameToCoordinates(first)
	if err != nil || address == "" {
		return
	}
	lastRow := row
	if _, r, err := excelize.CellNameToCoordinates(last); err == nil {
		lastRow = min(r, row+maxLinkRows)
	}
	for ; row <= lastRow; row++ {
		if l[row] == nil {
			l[row] = map[int]string{}
		}
		l[row][column-1] = address
	}
}

// maxLinkRows bounds the rows of one link over several cells.
const maxLinkRows = 10000

// linksOf reads the links of a sheet: those to pages and mailboxes, and the
// formula HYPERLINK.
func (t *Table) linksOf(sheet string) (links, error) {
	raw, err := t.Source.open()
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	at, ok := raw.(io.ReaderAt)
	if !ok || t.Compression == "gzip" || t.Compression == "zstd" {
		return nil, nil // a workbook is packed already: nobody packs it again
	}
	book, err := zip.NewReader(at, t.Source.size)
	if err != nil {
		return nil, damaged("workbook", err)
	}
	part, err := sheetPart(book, sheet)
	if err != nil || part == "" || !mentionsLinks(book, part) {
		return nil, err
	}
	targets, err := relations(book, path.Join(path.Dir(part), "_rels", path.Base(part)+".rels"))
	if err != nil {
		return nil, err
	}
	found := links{}
	err = eachElement(book, part, func(d *xml.Decoder, e xml.StartElement) error { return found.element(d, e, targets) })
	if len(found) == 0 {
		return nil, err
	}
	return found, err
}

// element takes what an element of a sheet says of links.
func (l links) element(d *xml.Decoder, e xml.StartElement, targets map[string]string) error {
	switch e.Name.Local {
	case "hyperlink":
		l.add(attribute(e, "ref"), targets[attribute(e, "id")])
	case "c":
		var cell struct {
			Formula string `xml:"f"`
		}
		if err := d.DecodeElement(&cell, &e); err != nil {
			return err
		}
		if address, ok := formulaLink(cell.Formula); ok {
			l.add(attribute(e, "r"), address)
		}
	}
	return nil
}

// formulaLink is the address in HYPERLINK("address","text").
func formulaLink(formula string) (address string, ok bool) {
	const start = `HYPERLINK("`
	if len(formula) < len(start) || !strings.EqualFold(formula[:len(start)], start) {
		return "", false
	}
	address, _, ok = strings.Cut(formula[len(start):], `"`)
	return address, ok
}

// mentionsLinks says whether a part of the book has any, which most have not: then the
// XML need not be taken apart.
func mentionsLinks(book *zip.Reader, part string) bool {
	f, err := book.Open(part)
	if err != nil {
		return false
	}
	defer f.Close()
	chunk := make([]byte, 64<<10)
	kept := 0 // bytes of the chunk before, where a word may begin
	for {
		n, err := f.Read(chunk[kept:])
		text := chunk[:kept+n]
		if bytes.Contains(text, []byte("hyperlink ")) || bytes.Contains(text, []byte("HYPERLINK(")) {
			return true
		}
		if err != nil {
			return false
		}
		kept = copy(chunk, text[max(0, len(text)-len("hyperlink ")):])
	}
}

// sheetPart is the part of the book that holds a sheet, empty when it has none.
func sheetPart(book *zip.Reader, sheet string) (string, error) {
	const root = "xl/workbook.xml"
	id := ""
	err := eachElement(book, root, func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local == "sheet" && attribute(e, "name") == sheet {
			id = attribute(e, "id")
		}
		return nil
	})
	if err != nil || id == "" {
		return "", err
	}
	targets, err := relations(book, "xl/_rels/workbook.xml.rels")
	if err != nil || targets[id] == "" {
		return "", err
	}
	if absolute, ok := strings.CutPrefix(targets[id], "/"); ok {
		return absolute, nil
	}
	return path.Join(path.Dir(root), targets[id]), nil
}

// relations are the targets that a part of the book names by id.
func relations(book *zip.Reader, part string) (map[string]string, error) {
	targets := map[string]string{}
	err := eachElement(book, part, func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local == "Relationship" {
			targets[attribute(e, "Id")] = attribute(e, "Target")
		}
		return nil
	})
	return targets, err
}

// eachElement calls f with the start of every element of a part; a part that is
// not there has none.
func eachElement(book *zip.Reader, part string, f func(*xml.Decoder, xml.StartElement) error) error {
	in, err := book.Open(part)
	if err != nil {
		return nil //nolint:nilerr // excelize opened the book: it is whole without this part
	}
	defer in.Close()
	d := xml.NewDecoder(io.LimitReader(in, maxUnpacked))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged("workbook", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := f(d, start); err != nil {
				return damaged("workbook", err)
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
