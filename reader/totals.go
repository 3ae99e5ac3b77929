package reader

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"maps"
	"slices"
)

// totals adds up the surveys of all files.
type totals struct {
	seed    maphash.Seed
	profile Profile
	said    said
	traps   map[string]Trap
}

func newTotals() *totals {
	return &totals{seed: maphash.MakeSeed(), traps: map[string]Trap{}, profile: Profile{Invalid: map[string]int{}, OptOut: map[string]int{}, Traps: []Trap{}, Notes: []string{}}}
}

func (t *totals) add(s *survey) {
	p := &t.profile
	for kind, trap := range s.traps {
		sum := t.traps[kind]
		if sum.Rows == 0 {
			sum = Trap{Kind: kind, Row: p.Rows + trap.Row, Line: trap.Line, File: s.file.Name}
		}
		sum.Rows += trap.Rows
		t.traps[kind] = sum
	}
	for reason, n := range s.count.Invalid {
		p.Invalid[reason] += n
	}
	for header, n := range s.count.OptOut {
		p.OptOut[header] += n
	}
	p.Rows += s.count.Rows
	p.Sendable += s.count.Sendable
	p.Addresses += s.count.Addresses
	p.Notes = append(p.Notes, s.count.Notes...)
	p.Files = append(p.Files, s.file)
	t.said.merge(&s.said)
}

// finish is the profile of all files together.
func (t *totals) finish() *Profile {
	p := &t.profile
	p.Duplicates, p.Repeated = t.said.again()
	for _, kind := range slices.Sorted(maps.Keys(t.traps)) {
		trap := t.traps[kind]
		if len(p.Files) == 1 {
			trap.File = ""
		}
		p.Traps = append(p.Traps, trap)
	}
	p.SHA256 = p.Files[0].SHA256
	if len(p.Files) > 1 {
		all := sha256.New()
		for _, f := range p.Files {
			all.Write([]byte(f.SHA256))
		}
		p.SHA256 = hex.EncodeToString(all.Sum(nil))
	}
	return p
}
