package reader_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"octave-enrich/reader"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	list := filepath.Join(dir, "list.csv")
	text := "Vorname;Nachname;E-Mail;Unternehmen\nAnn;Lee; Ann.Lee@Example.com;Acme\nBo;Day;;\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}

	in, err := reader.Open([]string{list}, reader.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()
	for _, m := range in.Profile().Files[0].Mapping {
		fmt.Printf("%s from %q\n", m.Field, m.Header)
	}
	for contact, err := range in.Contacts() {
		if err != nil {
			log.Fatal(err)
		}
		if contact.Problem != "" {
			fmt.Printf("row %d: %s\n", contact.Row, contact.Problem)
			continue
		}
		fmt.Printf("row %d: %q is sent as %q\n", contact.Row, contact.Cells[2], contact.Person.Email)
	}
	// Output:
	// email from "E-Mail"
	// firstName from "Vorname"
	// lastName from "Nachname"
	// companyName from "Unternehmen"
	// row 1: " Ann.Lee@Example.com" is sent as "ann.lee@example.com"
	// row 2: no email, no LinkedIn profile, and no name with a company
}
