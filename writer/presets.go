package writer

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// What is known of a sender comes from its own pages and from those of its partners; where they are in doubt, the last
// line of next says to send one to yourself first.
//
//go:embed presets.json
var presetsJSON []byte

// senders are presets.json. None are those that somebody may ask for, and why there is no preset.
type senders struct {
	Presets []preset
	None    map[string]string
}

var known = sync.OnceValue(func() (s senders) {
	_ = json.Unmarshal(presetsJSON, &s) // the tests see that it can be read
	return s
})
