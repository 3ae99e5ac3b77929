package main

// The bill: what plan says to a person.

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// mostShown is how many bytes of a request are shown to people.
const mostShown = 600

// doubts are rows that would be paid for and may not be worth it.
func doubts(l *list) []string {
	list := []string{}
	profile := l.input.Profile()
	if without := profile.Sendable - profile.Addresses; without > 0 && !l.skip[options.SkipUnsendable] {
		list = append(list, fmt.Sprintf("%s without an email address, of no use to a sender: --skip unsendable", words.Count(without, "row")))
	}
	for _, trap := range profile.Traps {
		if trap.Doubtful() {
			list = append(list, fmt.Sprintf("%s: %s, first in %s", words.Count(trap.Rows, "row"), trap.Kind, trap.Place()))
		}
	}
	return list
}

// otherNotes is what else the reader says about a list.
func otherNotes(profile *reader.Profile) []string {
	notes := slices.Clone(profile.Notes)
	for _, trap := range profile.Traps {
		if !trap.Doubtful() {
			notes = append(notes, trap.Told())
		}
	}
	return notes
}

// print is the bill and what it rests on.
func (e Estimate) print(w io.Writer) error {
	p := &printer{w: w}
	e.rows(p)
	p.printf("%s\n", e.bill())
	if e.BeyondLimit > 0 {
		p.printf("  %s left for another time by %s\n", words.Thousands(e.BeyondLimit), e.beyond)
	}
	if e.BeyondBudget > 0 {
		p.printf("  %s left for another time by --%s\n", words.Thousands(e.BeyondBudget), e.Budget)
	}
	if len(e.Doubts) > 0 {
		p.printf("maybe not worth paying for:\n")
	}
	for _, doubt := range e.Doubts {
		p.printf("  %s\n", doubt)
	}
	e.Upload.print(p)
	for _, note := range e.Notes {
		p.printf("note: %s\n", note)
	}
	if p.err != nil || len(e.First) == 0 {
		return p.err
	}
	p.printf("the first requests:\n")
	for _, request := range e.First {
		text := string(request.Canonical())
		if len(text) > mostShown {
			text = fmt.Sprintf("%s... (%s bytes, whole with --requests)", strings.ToValidUTF8(text[:mostShown], ""), words.Thousands(len(text)))
		}
		p.printf("%s\n", text)
	}
	return p.err
}

// rows is the list in numbers.
func (e Estimate) rows(p *printer) {
	p.printf("%s, %s can be sent\n", words.Count(e.Rows, "row"), words.Thousands(e.Sendable))
	for _, part := range []struct {
		n    int
		what string
	}{{e.Answered, "answered already"}, {e.Submitted, "submitted in an earlier run: polled for, not paid again"}, {e.Duplicates, "duplicates of a row before"}, {e.LeftAlone, "failed in an earlier run and left alone by --skip failed"}} {
		if part.n > 0 {
			p.printf("  %s %s\n", words.Thousands(part.n), part.what)
		}
	}
	if e.Changed > 0 {
		p.printf("  %s changed: they have an answer to another question; %s\n", words.Thousands(e.Changed), changedHint(e.Changed))
		for _, line := range e.Changes {
			p.printf("    %s\n", line)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(e.ExcludedBecause)) {
		p.printf("  %s excluded: %s\n", words.Thousands(e.ExcludedBecause[why]), why)
	}
	for _, why := range slices.Sorted(maps.Keys(e.Invalid)) {
		p.printf("  %s unusable: %s\n", words.Thousands(e.Invalid[why]), why)
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
	if !e.guessed {
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
		return usualLatency
	}
	return d
}

// comesTo says what a run is about to cost and take, by the agent's own word and a
// guess.
func (j *job) comesTo(cost octave.Decimal) string {
	each, err := pipeline.ParseAmount(string(cost))
	if err != nil || j.toAsk == 0 {
		return ""
	}
	b := j.budgets
	b.CostToRun = each
	calls, _ := b.Affords(j.toAsk, b.Expected())
	took := seconds(calls, j.pace.Rate, j.o.Pace.Concurrency, usualLatency)
	return fmt.Sprintf("about %s, %s at %s a call", words.Credits(each.Mul(calls).String()),
		words.Span(time.Duration(took*float64(time.Second))), words.Span(usualLatency))
}
