// Package lists is a list made ready to ask about: read, with its settings, and what
// is to be said of it before anything is paid.
package lists

import (
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// fewBeside is how many answers of another checkpoint a run passes over, and says so.
const fewBeside = 10

// Beside is what other checkpoints in the folder have for a list whose own
// checkpoint is new.
type Beside struct {
	offers   []pipeline.Offer // of those whose names differ in digits alone: they are taken over
	Answers  *pipeline.Offers
	other    string // the one of another name that has the most for this list
	has      int    // how many of its questions that answers
	damaged  []string
	question int // of the list
}

// LookBeside looks for answers in the folder, unless the checkpoint has some of its
// own or that is not wanted.
func LookBeside(o *options.Options, list *List, path, service string) (*Beside, error) {
	if o.Budget.Fresh || !isNew(path) {
		return nil, nil
	}
	neighbours := paths.Beside(path, service)
	if len(neighbours) == 0 {
		return nil, nil
	}
	selection := list.Selection(nil)
	answers, err := pipeline.NewOffers(list.Input.Contacts(), selection)
	if err != nil {
		return nil, exit.InputError(err)
	}
	b := &Beside{Answers: answers, question: answers.Questions()}
	var others []string
	for _, neighbour := range neighbours {
		if nameWithoutDigits(neighbour) != nameWithoutDigits(path) {
			others = append(others, neighbour)
			continue
		}
		if offer, ok := b.look(neighbour); ok && offer.Answers+offer.Changed > 0 {
			answers.Accept(offer)
			b.offers = append(b.offers, offer)
		}
	}
	for _, neighbour := range others {
		if offer, ok := b.look(neighbour); ok && offer.Answers > b.has {
			b.other, b.has = neighbour, offer.Answers
		}
	}
	return b, nil
}

// look passes over a checkpoint that cannot be read.
func (b *Beside) look(path string) (pipeline.Offer, bool) {
	offer, err := b.Answers.Look(filepath.Base(path), func() iter.Seq2[checkpoint.Entry, error] { return checkpoint.Records(path, nil) })
	if err != nil {
		b.damaged = append(b.damaged, fmt.Sprintf("%s was passed over: %v", path, err))
	}
	return offer, err == nil
}

// isNew says whether a checkpoint is not there, or has no answer of its own.
func isNew(path string) bool {
	if !paths.Exists(path) {
		return true
	}
	begun := false
	for entry, err := range checkpoint.Records(path, nil) {
		taking, done := pipeline.ReadTaken([]checkpoint.Record{entry.Record})
		begun = begun || taking
		if err != nil || done || entry.Type == checkpoint.Answered && !begun {
			return false // of an error, whoever opens it for the run says what is wrong
		}
	}
	return true
}

var digits = regexp.MustCompile(`\s*\(\d+\)|\d+`)

// nameWithoutDigits is what dated and counted names have in common.
func nameWithoutDigits(path string) string { return digits.ReplaceAllString(filepath.Base(path), "") }

// Decide refuses to pay for what another checkpoint of the folder has.
func (b *Beside) Decide(command string, inputs []string) error {
	if b == nil || b.has <= fewBeside {
		return nil
	}
	return &exit.Error{Code: exit.Decide, Err: fmt.Errorf("%s answers %d of these %d questions", b.other, b.has, b.question),
		Hint: fmt.Sprintf("to share it: %[1]s --checkpoint %[2]s\nif no call is wanted: %[3]s export %[4]s -o OUTPUT --checkpoint %[2]s\nto pay again: %[1]s --fresh", command, words.Quote(b.other), words.Tool, words.QuoteAll(inputs))}
}

// PassedOver says which checkpoints could not be read, and what is paid for again
// although another one has it.
func (b *Beside) PassedOver() []string {
	if b == nil {
		return nil
	}
	notes := slices.Clone(b.damaged)
	if b.has > 0 && b.has <= fewBeside {
		notes = append(notes, fmt.Sprintf("%s answers %d of these %d questions and is passed over: they are paid for again; share it with --checkpoint", b.other, b.has, b.question))
	}
	return notes
}

// Take copies the answers that were found beside into the new checkpoint, and says
// so; "" when there are none.
func (b *Beside) Take(journal *checkpoint.Journal, path string) (note string, err error) {
	if b == nil || len(b.offers) == 0 {
		return "", nil
	}
	answers, err := pipeline.Take(journal, b.offers)
	if err != nil {
		return "", exit.CheckpointError(path, err)
	}
	from := b.offers[0].Name
	if more := len(b.offers) - 1; more > 0 {
		from += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("took over %s from %s; --fresh pays for them again", words.Count(answers, "answer"), from), nil
}

// Notes says what a run would take over, or why it would end.
func (b *Beside) Notes() (list []string) {
	for _, offer := range b.offers {
		list = append(list, fmt.Sprintf("a run takes over %s from %s", words.Count(offer.Answers+offer.Changed, "answer"), offer.Name))
	}
	if b.has > fewBeside {
		list = append(list, fmt.Sprintf("a run ends with 9 before the first call: %s answers %d of these %d questions; share it with --checkpoint, or pay again with --fresh", b.other, b.has, b.question))
	}
	return append(list, b.PassedOver()...)
}

// Neighbours looks beside a checkpoint as a run does.
func Neighbours(o *options.Options, list *List, path string) (*Beside, error) {
	service, err := o.Service.Name()
	if err != nil || path == "" {
		return nil, err
	}
	return LookBeside(o, list, path, service)
}
