package octave

import (
	"bytes"
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
	object = bytes.TrimSpace(object)
	if !validWithin(object, maxDepth+1) || object[0] != '{' {
		return nil, errors.New("a damaged record: no object of JSON")
	}
	var answer value
	for name, v := range value(object).fields() {
		if name.is("answer") {
			answer = v
			continue
		}
		if err := take(name.text(), json.RawMessage(v)); err != nil {
			return nil, fmt.Errorf("%s: %w", name.text(), err)
		}
	}
	if answer.isNull() {
		return nil, noAnswer(clean(oddity(answer.raw())))
	}
	return decodeValid(answer, clean)
}
