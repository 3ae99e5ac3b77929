package review_test

import (
	"fmt"
	"os"
	"path/filepath"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline/review"
)

// A decision is about the words of one answer, and survives its server.
func ExampleBook() {
	dir, err := os.MkdirTemp("", "review")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "people.csv.checkpoint")
	book, err := review.Open(path, "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer book.Close()
	key := checkpoint.Key{1}
	answer := &octave.Answer{Emails: []octave.Email{{Subject: "Hi", Body: "A word?"}}}
	approved := review.Verdict{Key: key, Of: review.Fingerprint(answer), State: review.Approved}
	if _, err := book.Decide([]review.Verdict{approved}); err != nil {
		fmt.Println(err)
		return
	}
	again, err := review.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Decision(key, answer).State)
	answer.Emails[0].Body = "Another word?"
	fmt.Printf("%q\n", again.Decision(key, answer).State)
	// Output:
	// approved
	// ""
}
