package writer

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// A tally counts and hashes what is written through it.
type tally struct {
	to   io.Writer
	sum  hash.Hash // nil when nobody will ask for it
	size int64
}

func newTally(to io.Writer) *tally { return &tally{to: to, sum: sha256.New()} }

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.to.Write(p)
	if t.sum != nil {
		t.sum.Write(p[:n])
	}
	t.size += int64(n)
	return n, err
}

func (t *tally) hex() string { return hex.EncodeToString(t.sum.Sum(nil)) }
