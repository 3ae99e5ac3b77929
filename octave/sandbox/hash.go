package sandbox

import (
	"crypto/sha256"
	"encoding/binary"

	"octave-enrich/octave"
)

// Question names the question of a request, as the ledger does (there in hex):
// the start of the SHA-256 of its canonical form.
func Question(req octave.Request) [16]byte {
	sum := sha256.Sum256(req.Canonical())
	return [16]byte(sum[:16])
}

// mix spreads its input over 64 bits.
func mix(seed uint64, q [16]byte, n uint64) uint64 {
	x := seed ^ binary.LittleEndian.Uint64(q[:8])
	x = splitmix(x + n*0x9e3779b97f4a7c15)
	return splitmix(x ^ binary.LittleEndian.Uint64(q[8:]))
}

// splitmix is the finalizer of SplitMix64.
func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is x as a number in [0,1).
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// dice gives one question as many numbers as it takes to write its answer.
type dice struct {
	q [16]byte
	n uint64
}

// roll is the next number below n.
func (d *dice) roll(n int) int {
	d.n++
	return int(mix(0, d.q, d.n) % uint64(n))
}

// pick is one of choices.
func pick[T any](d *dice, choices []T) T { return choices[d.roll(len(choices))] }
