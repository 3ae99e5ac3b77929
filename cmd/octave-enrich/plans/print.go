package plans

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/checkpoints"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// mostShown is how many bytes of a request are shown to people.
const mostShown = 600

// Print is the bill and what it rests on.
func (e Estimate) Print(w io.Writer) error {
	p := &words.Printer{W: w}
	e.rows(p)
	p.Printf("%s\n", e.bill())
	if e.BeyondLimit > 0 {
		p.Printf("  %s left for another time by %s\n", words.Thousands(e.BeyondLimit), e.beyond)
	}
	if e.BeyondBudget > 0 {
		p.Printf("  %s left for another time by --%s\n", words.Thousands(e.BeyondBudget), e.Budget)
	}
	if len(e.Doubts) > 0 {
		p.Printf("maybe not worth paying for:\n")
	}
	for _, doubt := range e.Doubts {
		p.Printf("  %s\n", doubt)
	}
	e.Upload.Print(p)
	for _, note := range e.Notes {
		p.Printf("note: %s\n", note)
	}
	if p.Err != nil || len(e.First) == 0 {
		return p.Err
	}
	p.Printf("the first requests:\n")
	for _, request := range e.First {
		text := string(request.Canonical())
		if len(text) > mostShown {
			text = fmt.Sprintf("%s... (%s bytes, whole with --requests)", strings.ToValidUTF8(text[:mostShown], ""), words.Thousands(len(text)))
		}
		p.Printf("%s\n", text)
	}
	return p.Err
}

// rows is the list in numbers.
func (e Estimate) rows(p *words.Printer) {
	p.Printf("%s, %s can be sent\n", words.Count(e.Rows, "row"), words.Thousands(e.Sendable))
	duplicates := "duplicates of a row before"
	if e.Duplicates == 1 {
		duplicates = "duplicate of a row before"
	}
	for _, part := range []struct {
		n    int
		what string
	}{{e.Answered, "answered already"}, {e.Submitted, "submitted in an earlier run: polled for, not paid again"}, {e.Duplicates, duplicates}, {e.LeftAlone, "failed in an earlier run and left alone by --skip failed"}} {
		if part.n > 0 {
			p.Printf("  %s %s\n", words.Thousands(part.n), part.what)
		}
	}
	if e.Changed > 0 {
		p.Printf("  %s changed: they have an answer to another question; %s\n", words.Thousands(e.Changed), e.hint)
		for _, line := range e.Changes {
			p.Printf("    %s\n", line)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(e.ExcludedBecause)) {
		p.Printf("  %s excluded: %s\n", words.Thousands(e.ExcludedBecause[why]), why)
	}
	for _, why := range slices.Sorted(maps.Keys(e.Invalid)) {
		p.Printf("  %s unusable: %s\n", words.Thousands(e.Invalid[why]), why)
	}
}

// bill says in one sentence what a run would make, cost and take.
func (e Estimate) bill() string {
	if e.ToAsk == 0 {
		return "0 calls: nothing to pay for"
	}
	text := words.Count(e.ToAsk, "call") + e.credits()
	bound := fmt.Sprintf("%d at a time", e.concurrency)
	if e.rate != rate.Inf && float64(e.rate)*e.latency().Seconds() < float64(e.concurrency) {
		bound = words.Rate(60 * float64(e.rate))
	}
	text += fmt.Sprintf("; about %s at %s", words.Span(time.Duration(e.Seconds*float64(time.Second))), bound)
	if !e.Guessed {
		return text + fmt.Sprintf(" (a call takes %s)", e.Latency)
	}
	return text + fmt.Sprintf(" (%s a call is a guess: `--limit 10` first measures it)", words.Span(e.latency()))
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

// latency is the one that was assumed.
func (e Estimate) latency() time.Duration {
	d, err := time.ParseDuration(e.Latency)
	if err != nil {
		return checkpoints.UsualLatency
	}
	return d
}
