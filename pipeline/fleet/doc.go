// Package fleet spreads the calls of runs over many hosts, on PostgreSQL and the
// job queue River, of which it uses the public API alone.
//
// A fleet is one more [pipeline.Agent] and one more [pipeline.Journal]. A [Coordinator]
// answers the questions of a run: each is a job in the run's queue, and it waits for what
// becomes of it; its checkpoint stays the truth. A [Worker] is a client of River that
// serves the queue of every run that goes on, and makes one call a job with the decorators
// of a run. A further attempt, a pause, an outage and a long wait for a start are snoozes,
// so that no job takes longer than some seconds and a call, and River's rescue, which goes
// by the age of a job, is right.
//
// One transaction each:
//
//   - Entering a call: its run goes on and can pay for it, the question has no answer,
//     and nobody else asks it. That is a row of the table call without an end.
//   - Submitting, in a run with --async: what the service calls the work is in the row of
//     the call, and the job is completed by one that polls, in a queue of the workspace.
//   - Settling: the answer ends the call, and the job is completed. It is kept trying until
//     it is stored; a crash before that asks again, a crash after it does not.
//
// All hosts with a key share its row of the table pace, a [pipeline.Pace], and take starts
// from it some milliseconds ahead.
//
// # What gives way first
//
//   - The row of a key is locked for each lease, some 2 ms on a local disk. A lease takes
//     whatever may start within 200 ms, so that the rate itself is no bound, but 100
//     hosts that wait for the same slow key stand in line for it.
//   - A question costs the database some two statements, most of all the end of its job,
//     and 1 to 10 KB for as long as answers are kept. Before the index by key leaves
//     memory (some 30 million calls), keep less (--retain), or partition the table call by id.
//   - River's history of jobs is a day long: see its settings of retention.
package fleet
