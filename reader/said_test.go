package reader

import "testing"

// A list of a million contacts has as many blocks as it needs.
func TestHashesOfAMillion(t *testing.T) {
	const n = 1_100_000
	var h hashes
	for i := range uint64(n) {
		h.add((i % (n / 2)) * 0x9e3779b97f4a7c15)
	}
	if got := h.different(); got != n/2 {
		t.Errorf("%d different of %d, want %d", got, n, n/2)
	}
}
