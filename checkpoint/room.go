package checkpoint

import "octave-enrich/checkpoint/durable"

// Bytes that are kept free for what a call may bring, its answer with the request:
// as many as the longest one had, within these bounds. Most have 3 to 16 KB.
const (
	minAnswer = 64 << 10
	maxAnswer = 1 << 20
)

// roomAhead is how much more is taken when there is: it is asked for seldom.
const roomAhead = 1 << 20

// A room is what the file has on the disk beyond its end.
type room struct {
	calls    int   // under way
	reserved int64 // offset up to which there is room
}

// take makes room for one more call, in a file of size bytes.
func (r *room) take(f durable.File, size, largest int64) error {
	need := size + int64(r.calls+1)*min(max(largest, minAnswer), maxAnswer)
	if need > r.reserved {
		end := need + roomAhead
		err := f.Reserve(size, end)
		if err != nil {
			end = need
			err = f.Reserve(size, end)
		}
		if err != nil {
			return err
		}
		r.reserved = end
	}
	r.calls++
	return nil
}

// wrote counts the calls that have ended.
func (r *room) wrote(kind string) {
	if (kind == Answered || kind == Missed) && r.calls > 0 {
		r.calls--
	}
}

// giveBack gives the room back that was not used.
func (j *Journal) giveBack() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.room.reserved <= j.size {
		return nil
	}
	j.room.reserved = 0
	return j.f.Truncate(j.size)
}
