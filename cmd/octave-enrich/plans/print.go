package plans

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// mostShown is how many bytes of a request are shown to people.
const mostShown = 600

// Print is the bill and what it rests on.
func (e Estimate) Print(to io.Writer) error {
	w := bufio.NewWriter(to) // which keeps the first error
	e.rows(w)
	fmt.Fprintf(w, "%s\n", e.bill())
	if e.BeyondLimit > 0 {
		fmt.Fprintf(w, "  %s left for another time by %s\n", words.Thousands(e.BeyondLimit), e.beyond)
	}
	if e.BeyondBudget > 0 {
		fmt.Fprintf(w, "  %s left for another time by --%s\n", words.Thousands(e.BeyondBudget), e.Budget)
	}
	if len(e.Doubts) > 0 {
		fmt.Fprintf(w, "maybe not worth paying for:\n")
	}
	for _, doubt := range e.Doubts {
		fmt.Fprintf(w, "  %s\n", doubt)
	}
	e.Upload.Print(w)
	for _, note := range e.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if len(e.First) > 0 {
		fmt.Fprintf(w, "the first requests:\n")
	}
	for _, request := range e.First {
		text := string(request.Canonical())
		if len(text) > mostShown {
			text = fmt.Sprintf("%s... (%s bytes, whole with --requests)", strings.ToValidUTF8(text[:mostShown], ""), words.Thousands(len(text)))
		}
		fmt.Fprintf(w, "%s\n", text)
	}
	return w.Flush()
}

// rows is the list in numbers.
func (e Estimate) rows(w io.Writer) {
	fmt.Fprintf(w, "%s, %s can be sent\n", words.Count(e.Rows, "row"), words.Thousands(e.Sendable))
	duplicates := "duplicates of a row before"
	if e.Duplicates == 1 {
		duplicates = "duplicate of a row before"
	}
	for _, part := range slices.Concat(words.Some(e.Answered, "answered already"),
		words.Some(e.Submitted, "submitted in an earlier run: polled for, not paid again"),
		words.Some(e.Duplicates, duplicates), words.Some(e.LeftAlone, "failed in an earlier run and left alone by --skip failed")) {
		fmt.Fprintf(w, "  %s\n", part)
	}
	for _, part := range Again(e.Plan) {
		fmt.Fprintf(w, "  %s\n", part)
	}
	if e.Changed > 0 {
		fmt.Fprintf(w, "  %s changed: they have an answer to another question; %s\n", words.Thousands(e.Changed), e.hint)
		for _, line := range e.Changes {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(e.ExcludedBecause)) {
		fmt.Fprintf(w, "  %s excluded: %s\n", words.Thousands(e.ExcludedBecause[why]), why)
	}
	for _, why := range slices.Sorted(maps.Keys(e.Invalid)) {
		fmt.Fprintf(w, "  %s unusable: %s\n", words.Thousands(e.Invalid[why]), why)
	}
}

// bill says in one sentence what a run would make, cost and take.
func (e Estimate) bill() string {
	if e.ToAsk == 0 {
		return "0 calls: nothing to pay for"
	}
	text := words.Count(e.ToAsk, "call") + e.credits()
	bound := fmt.Sprintf("%d at a time", e.concurrency)
	if e.rate != rate.Inf && float64(e.rate)*e.latency.Seconds() < float64(e.concurrency) {
		bound = words.Rate(60 * float64(e.rate))
	}
	text += fmt.Sprintf("; about %s at %s", words.Span(time.Duration(e.Seconds*float64(time.Second))), bound)
	if !e.Guessed {
		return text + fmt.Sprintf(" (a call takes %s)", e.Latency)
	}
	return text + fmt.Sprintf(" (%s a call is a guess: `--limit 10` first measures it)", words.Span(e.latency))
}

// credits are what the calls cost, as far as that is known, and where from.
func (e Estimate) credits() string {
	left := ""
	if e.CreditsLeft != "" {
		left = " of " + words.Amount(string(e.CreditsLeft)) + " left"
	}
	switch {
	case e.free && e.Usage == nil:
		return ", which cost nothing"
	case e.Usage == nil && left == "":
		return ", what they cost is not known"
	case e.Usage == nil:
		return ", what they cost is not known" + strings.Replace(left, " of", ";", 1)
	}
	text := fmt.Sprintf(", about %s%s", words.Credits(e.Usage.String()), left)
	if have, err := pipeline.ParseAmount(string(e.CreditsLeft)); err == nil && e.Usage.Cmp(have) > 0 {
		text += ", which is not enough"
	}
	switch {
	case e.CostToRun != "" && e.agent != "":
		text += fmt.Sprintf(" (%s a call with agent %q)", words.Credits(string(e.CostToRun)), e.agent)
	case e.CostToRun != "":
		text += fmt.Sprintf(" (%s a call)", words.Credits(string(e.CostToRun)))
	case e.UsagePerCall != nil:
		text += fmt.Sprintf(" (answers so far cost %s each, as reported by the service)", words.Credits(e.UsagePerCall.String()))
	}
	return text
}
