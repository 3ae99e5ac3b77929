package sandbox_test

import (
	"context"
	"fmt"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// The connection is reset after the work was done: the contact is billed, and
// billed again when asked again. The ledger knows.
func ExampleServer_Ledger() {
	server := sandbox.New(sandbox.Config{Script: []string{"reset-after"}})
	client, err := octave.NewClient(octave.Config{Key: "any", Transport: sandbox.Transport(server)})
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := octave.Request{Email: "ann@example.com"}
	_, first := client.Run(context.Background(), ann)
	_, second := client.Run(context.Background(), ann)
	fmt.Println(first != nil, second != nil)
	ledger := server.Ledger()
	fmt.Println("asked", ledger.Asked, "billed", ledger.Billed, "delivered", ledger.Delivered)
	// Output:
	// true false
	// asked 2 billed 2 delivered 1
}
