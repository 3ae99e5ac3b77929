package metrics

import "time"

// Fleet is the state of a fleet as one of its processes sees it: of the queue that it
// works or waits for, and of the key of that queue's workers.
type Fleet struct {
	Away time.Duration // how long the database has not answered; 0 when it does

	// Of a worker, whose own they are.
	Worker   bool
	Slots    int
	InFlight int
	Unstored int // answers, and other ends of calls, that wait for the database

	// Of all together, as the database has it; nil while it is not known.
	All *FleetTotals
}

// FleetTotals are what all processes of a queue share.
type FleetTotals struct {
	Queued   int           // questions that no worker has taken yet
	Oldest   time.Duration // since the first of them came into the queue
	Workers  int           // that were seen of late
	Slots    int           // of these workers
	InFlight int           // calls on the wire
	// Submitted are questions that the service works on, and that are polled for.
	Submitted int
	Rescued   int           // questions taken over from workers that were lost
	Latency   time.Duration // of a call, a mean of the latest; 0 for unknown

	Limit   float64 // calls a second that the user allows; 0 for any
	Rate    float64 // likewise, in force
	Started float64 // calls that were started in the last second
	Key     KeyState
}

// SlotsNeeded is how many calls are in flight when the rate is used: calls a second
// times the seconds that one takes. 0 when either is not known.
func (f *FleetTotals) SlotsNeeded() float64 { return f.Limit * f.Latency.Seconds() }

// A KeyState says whether calls may be made with the key of a queue's workers.
type KeyState string

// States of a key.
const (
	KeyOK       KeyState = "ok"
	KeyPaused   KeyState = "paused"     // the service asked to wait
	KeyFailing  KeyState = "failing"    // no call gets an answer
	KeyRejected KeyState = "rejected"   // no worker has one that works
	KeySpent    KeyState = "no_credits" // no worker has one with credits
)

var keyStates = []KeyState{KeyOK, KeyPaused, KeyFailing, KeyRejected, KeySpent}

// fleetFamilies are all metrics of a fleet.
func fleetFamilies() []family[Fleet] {
	own := func(value func(Fleet) int) func(Fleet) []sample {
		return func(f Fleet) []sample {
			if !f.Worker {
				return nil
			}
			return one(float64(value(f)))
		}
	}
	all := func(value func(*FleetTotals) float64) func(Fleet) []sample {
		return func(f Fleet) []sample {
			if f.All == nil {
				return nil
			}
			return one(value(f.All))
		}
	}
	return []family[Fleet]{
		{name: "database_away_seconds", help: "How long the fleet's database has not answered this process; 0 when it does.", samples: func(f Fleet) []sample { return one(f.Away.Seconds()) }},
		{name: "worker_slots", help: "Calls that this worker makes at the same time at most.", samples: own(func(f Fleet) int { return f.Slots })},
		{name: "worker_calls_in_flight", help: "Calls of this worker on the wire.", samples: own(func(f Fleet) int { return f.InFlight })},
		{name: "worker_unstored_answers", help: "Answers, and other ends of calls, of this worker that wait for the database.", samples: own(func(f Fleet) int { return f.Unstored })},
		{name: "fleet_queued", help: "Questions in the queue that no worker has taken.", samples: all(func(f *FleetTotals) float64 { return float64(f.Queued) })},
		{name: "fleet_oldest_queued_seconds", help: "How long the oldest of them has waited.", samples: all(func(f *FleetTotals) float64 { return f.Oldest.Seconds() })},
		{name: "fleet_workers", help: "Workers of the queue that were seen of late.", samples: all(func(f *FleetTotals) float64 { return float64(f.Workers) })},
		{name: "fleet_slots", help: "Calls that they make at the same time at most.", samples: all(func(f *FleetTotals) float64 { return float64(f.Slots) })},
		{name: "fleet_slots_needed", help: "Calls in flight when the allowed rate is used: rate times latency; 0 when there is none or nothing is known.", samples: all((*FleetTotals).SlotsNeeded)},
		{name: "fleet_calls_in_flight", help: "Calls of all workers of the queue on the wire.", samples: all(func(f *FleetTotals) float64 { return float64(f.InFlight) })},
		{name: "fleet_submitted", help: "Questions that the service works on, and that the workers poll for.", samples: all(func(f *FleetTotals) float64 { return float64(f.Submitted) })},
		{name: "fleet_rescued_questions", help: "Questions taken over from workers that were lost; their calls may have been billed.", grows: true, samples: all(func(f *FleetTotals) float64 { return float64(f.Rescued) })},
		{name: "fleet_starts_per_second", help: "Calls that all workers with the key started in the last second.", samples: all(func(f *FleetTotals) float64 { return f.Started })},
		{name: "fleet_limit_per_second", help: "Calls a second that are allowed for the key; 0 for any number.", samples: all(func(f *FleetTotals) float64 { return f.Limit })},
		{name: "fleet_rate_per_second", help: "Likewise, as in force after refusals; 0 for any number.", samples: all(func(f *FleetTotals) float64 { return f.Rate })},
		{name: "fleet_key_state", help: "1 for the state in which the key is.", label: "state", samples: keySamples},
	}
}

func keySamples(f Fleet) (list []sample) {
	if f.All == nil {
		return nil
	}
	for _, state := range keyStates {
		value := 0.0
		if f.All.Key == state {
			value = 1
		}
		list = append(list, sample{string(state), value})
	}
	return list
}
