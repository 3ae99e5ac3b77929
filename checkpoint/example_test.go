package checkpoint_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint"
)

func Example() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "people.checkpoint")
	opt := checkpoint.Options{Header: checkpoint.Header{Tool: "example", Service: "sandbox"}}
	question := checkpoint.Key{1, 2, 3} // a hash of the request

	journal, err := checkpoint.Open(path, opt)
	if err != nil {
		log.Fatal(err)
	}
	if err := journal.Note(checkpoint.Record{Type: checkpoint.Asked, Key: question}); err != nil {
		log.Fatal(err)
	}
	answer := checkpoint.Record{Type: checkpoint.Answered, Key: question, Body: []byte(`{"found": true}`)}
	if err := journal.Append(answer); err != nil { // when it returns, no crash loses the answer
		log.Fatal(err)
	}
	if err := journal.Close(); err != nil {
		log.Fatal(err)
	}

	// The next run finds its question answered.
	journal, err = checkpoint.Open(path, opt)
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	known, ok, err := journal.Answer(question)
	fmt.Println(string(known.Body), ok, err)
	// Output: {"found":true} true <nil>
}
