package fleet

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"

	"octave-enrich/octave"
)

// Gauges are what a queue does at one moment, for those who watch it.
type Gauges struct {
	Queued   int           // questions that no host has in hand
	Oldest   time.Duration // since the oldest run that has some came
	Hosts    int           // that were seen of late
	Slots    int           // theirs
	InFlight int           // calls on the wire
	// Submitted are questions that the service works on, and that are polled for.
	Submitted int
	Lost      int           // calls of which nothing was heard, since the fleet began
	Latency   time.Duration // of the latest answers, a mean; 0 when there are none

	// Of the keys of these hosts, or of the last one when none is left; added up.
	Limit   float64 // calls a second that are allowed; 0 for any
	Rate    float64 // likewise, in force
	Started float64 // calls in the last second
	Key     string  // the state of the best of these keys: ok, paused, failing, no_credits or rejected
}

// latestCalls are those whose latency counts as that of now.
const latestCalls = 500

// Gauges looks at a queue. It reads what is kept, and not the calls themselves but for
// those on the wire and the latest.
func (d *DB) Gauges(ctx context.Context, service, queue string) (g Gauges, err error) {
	batch := &pgx.Batch{}
	var latency float64
	var last string // the key of the host that was seen last
	one(batch, []any{&latency}, `SELECT coalesce(avg(extract(epoch FROM c.ended - c.asked)) FILTER (WHERE c.result = 'answered' AND q.service = $1 AND q.name = $2), 0)::float8
		FROM (SELECT queue, asked, ended, result FROM octave_fleet.call ORDER BY id DESC LIMIT $3) c JOIN octave_fleet.queue q ON q.id = c.queue`, service, queue, latestCalls)
	one(batch, []any{&last}, `SELECT h.account FROM octave_fleet.host h JOIN octave_fleet.queue q ON q.id = h.queue
		WHERE q.service = $1 AND q.name = $2 ORDER BY h.seen DESC LIMIT 1`, service, queue)
	s, err := d.status(ctx, batch)
	if err != nil {
		return g, err
	}
	g.Latency = time.Duration(latency * float64(time.Second))
	keys := map[string]bool{last: true}
	for _, h := range s.Hosts {
		if h.Alive && h.Service == service && h.Queue == queue {
			g.Hosts, g.Slots, keys[h.Key] = g.Hosts+1, g.Slots+h.Slots, true
		}
	}
	g.addKeys(s.Keys, keys)
	for _, q := range s.Queues {
		if q.Service == service && q.Queue == queue {
			g.Queued, g.InFlight, g.Submitted, g.Lost = q.Queued, q.Running, q.Submitted, q.Lost
		}
	}
	for _, r := range s.Runs {
		if r.Left > 0 && g.Queued > 0 && r.Service == service && r.Queue == queue {
			g.Oldest = max(g.Oldest, r.Age)
		}
	}
	return g, nil
}

// addKeys adds up what some keys do.
func (g *Gauges) addKeys(all []KeyStatus, some map[string]bool) {
	states := []string{"ok", "paused", "failing", "no_credits", "rejected"} // the best first
	best := -1                                                              // none seen yet
	var limit, inForce rate.Limit
	for _, k := range all {
		if !some[k.Key] {
			continue
		}
		g.Started += k.Started
		state := 0
		switch {
		case k.Stopped == octave.CauseCredits.String():
			state = 3
		case k.Stopped != "":
			state = 4
		case k.Outage != nil:
			state = 2
		case k.PausedMS > 0:
			state = 1
		}
		if k.Stopped == "" {
			limit, inForce = limit+k.pace.Allowed, inForce+k.pace.Limit
		}
		if best < 0 || state < best {
			best = state
		}
	}
	g.Limit, g.Rate, g.Key = perSecond(limit), perSecond(inForce), states[max(best, 0)]
}
