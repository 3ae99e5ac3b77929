package reader

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// workbook writes a workbook with two sheets.
func workbook(t *testing.T) string {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	zip, err := book.NewStyle(&excelize.Style{CustomNumFmt: ptr("00000")})
	if err != nil {
		t.Fatal(err)
	}
	date, err := book.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	check := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	check(
		book.SetSheetRow("Sheet1", "A1", &[]any{"Leads of 2026"}),
		book.SetSheetRow("Sheet1", "A3", &[]any{"Record ID", "Email", "First Name", "Zip", "Added", "Share", ""}),
		book.SetSheetRow("Sheet1", "A4", &[]any{51234567890, "ann@b.example", "Ann", 1234, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), 0.5, "more"}),
		book.SetSheetRow("Sheet1", "A6", &[]any{"0012", "bo@b.example", "Bo\nBo"}),
		book.SetSheetRow("Sheet1", "A7", &[]any{"Total: 2"}),
		book.SetCellStyle("Sheet1", "D4", "D4", zip), book.SetCellStyle("Sheet1", "E4", "E4", date),
	)
	_, err = book.NewSheet("Zweites")
	check(err, book.SetSheetRow("Zweites", "A1", &[]any{"E-Mail"}), book.SetSheetRow("Zweites", "A2", &[]any{"cy@b.example"}))
	path := filepath.Join(t.TempDir(), "list.xlsx")
	check(book.SaveAs(path))
	return path
}

func ptr(s string) *string { return &s }

func TestWorkbook(t *testing.T) {
	path := workbook(t)
	in := open(t, Options{}, path)
	f := in.Profile().Files[0]
	equal(t, "format", []string{f.Format, f.Sheet}, []string{"xlsx", "Sheet1"})
	equal(t, "lines", []int{f.HeaderLine, f.Footer, f.Rows}, []int{3, 1, 2})
	equal(t, "columns", in.Columns(), []string{"Record ID", "Email", "First Name", "Zip", "Added", "Share", "extra_1"})
	equal(t, "cells as they are shown", cells(t, in), [][]string{
		{"51234567890", "ann@b.example", "Ann", "01234", "2026-01-02", "0.5", "more"},
		{"0012", "bo@b.example", "Bo\nBo", "", "", "", ""},
	})
	all := contacts(t, in)
	equal(t, "row numbers", []int{all[0].Line, all[1].Line}, []int{4, 6})
	equal(t, "id", all[0].Person.CRMContactID, "51234567890")
	if len(f.SHA256) != 64 {
		t.Errorf("sum %q", f.SHA256)
	}
	in = open(t, Options{Sheet: "Zweites"}, path)
	equal(t, "the other sheet", cells(t, in), [][]string{{"cy@b.example"}})
	e := optionError(t, Options{Sheet: "Drittes"}, path)
	if !strings.Contains(e.Error(), `"Sheet1", "Zweites"`) {
		t.Errorf("%v", e)
	}
}

// TestCoverSheet reads the list behind a cover, and names the other sheets.
func TestCoverSheet(t *testing.T) {
	in := open(t, Options{}, "testdata/lists/g15_cover_sheet.xlsx")
	told := strings.Join(in.Profile().Told(), "\n")
	if !strings.Contains(told, "--sheet NAME reads another") || !strings.Contains(told, in.Profile().Files[0].Sheet) {
		t.Errorf("nobody is told:\n%s", told)
	}
	equal(t, "is a list", len(in.Profile().Files[0].Mapping) > 1, true)
}
