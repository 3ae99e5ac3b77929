package octave_test

import (
	"context"
	"errors"
	"fmt"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

func ExampleClient_Run() {
	client, err := octave.NewClient(octave.Config{
		Key:       "sk_example",
		Transport: sandbox.Transport(sandbox.New(sandbox.Config{Messages: 3, Script: []string{"429-after"}})),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		answer, err := client.Run(context.Background(), octave.Request{FirstName: "Ann", Email: "ann@example.com"})
		if e := (*octave.Error)(nil); errors.As(err, &e) {
			fmt.Printf("%v (%v after %v)\n", err, e.Action, e.RetryAfter)
			continue
		}
		fmt.Println(len(answer.Emails), "messages for", answer.Usage, "credit")
	}
	// Output:
	// 429 Too Many Requests (again after 1s)
	// 3 messages for 1 credit
}
