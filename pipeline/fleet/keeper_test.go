package fleet

import (
	"testing"
	"time"
)

// A database that was away for an hour has made nobody dead: what is seen of
// others counts only while this host reached the database itself.
func TestOnlyTheWatchedAreDead(t *testing.T) {
	k := &keeper{watched: map[int32]watched{}}
	now := time.Now()
	look := func(after time.Duration, beat int64) time.Duration {
		now = now.Add(after)
		k.compare(map[int32]watched{1: {name: "other", beat: beat}}, now)
		return now.Sub(k.watched[1].since)
	}
	for range 10 {
		look(time.Second, 7)
	}
	if silent := look(time.Second, 7); silent != 10*time.Second {
		t.Errorf("silent for %v, want 10s", silent)
	}
	if silent := look(time.Second, 8); silent != 0 {
		t.Errorf("silent for %v after a beat", silent)
	}
	look(time.Second, 8)
	if silent := look(time.Hour, 8); silent != 0 {
		t.Errorf("silent for %v, but nobody reached the database", silent)
	}
	k.compare(map[int32]watched{}, now)
	if len(k.watched) != 0 {
		t.Error("a host that has ended is watched")
	}
}
