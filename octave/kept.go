package octave

import (
	"encoding/json"
	"errors"
	"fmt"
)

// DecodeKept reads an answer out of the object of JSON that keeps it as its member
// "answer", such as the record of a checkpoint. The object is looked at once, and
// the answer in it is not looked at again as [Decode] would.
//
// Every other member goes to take, by its name and its spelling, in their order: of
// one that stands there twice the last counts, as in encoding/json. What take gets
// shares the object's bytes. Errors of the answer are those of Decode.
func DecodeKept(object []byte, take func(name string, spelled json.RawMessage) error) (*Answer, error) {
	p := newParser(object)
	if p.peek() != '{' {
		p.fail()
	}
	p.depth++ // it is around the answer
	answer, wrong := (*Answer)(nil), error(noAnswer("empty"))
	for name := range p.fields() {
		if name.is("answer") {
			answer, wrong = p.answer(clean)
			continue
		}
		if spelled := p.raw(); !p.bad {
			if err := take(name.text(), json.RawMessage(spelled)); err != nil {
				return nil, fmt.Errorf("%s: %w", name.text(), err)
			}
		}
	}
	if !p.done() {
		return nil, errors.New("a damaged record: no object of JSON")
	}
	return answer, wrong
}
