//go:build ignore

// Languages_gen writes data/languages.tsv: how the languages of the world's
// business are called in those languages, out of x/text/language/display. That
// package would add two megabytes to the program; its words are 40 KB.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

const (
	named  = "en de fr es pt it nl pl cs sk sl hr sr bs bg mk ro hu el tr ru uk be et lv lt fi sv da nb nn is ga cy eu ca gl mt sq hy ka az kk uz he ar fa ur hi bn ta te mr gu pa ml kn th vi id ms fil ja zh ko sw af am"
	inside = "en de fr es pt it nl pl cs sk hr ro hu el tr ru uk fi sv da nb he ar ja zh ko"
	byHand = "nb norwegian|nb norsk|nb bokmål|nl-BE flemish|nl-BE vlaams|es castilian|es castellano|zh mandarin|fr francais|es espanol|pt portugues|tr turkce|cs cestina|pt-BR brazilian portuguese|zh-Hans chinese simplified|zh-Hant chinese traditional|zh-Hans 简体中文|zh-Hant 繁體中文|pt-BR português do brasil|en-GB british english|en-US american english"
)

func main() {
	of := map[string]string{} // name -> tag
	for tag := range strings.FieldsSeq(named) {
		names := []string{display.Self.Name(language.Make(tag))}
		for in := range strings.FieldsSeq(inside) {
			names = append(names, display.Languages(language.Make(in)).Name(language.Make(tag)))
		}
		for _, name := range names {
			name = strings.ToLower(name)
			if name != "" && of[name] == "" {
				of[name] = tag
			}
		}
	}
	for pair := range strings.SplitSeq(byHand, "|") {
		tag, name, _ := strings.Cut(pair, " ")
		of[name] = tag
	}
	names := map[string][]string{}
	for name, tag := range of {
		names[tag] = append(names[tag], name)
	}
	f, err := os.Create("data/languages.tsv")
	if err != nil {
		log.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "# Languages by name, a tag a line. Written by languages_gen.go; do not edit.")
	var tags []string
	for tag := range names {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	for _, tag := range tags {
		slices.Sort(names[tag])
		fmt.Fprintf(w, "%s\t%s\n", tag, strings.Join(names[tag], " | "))
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
