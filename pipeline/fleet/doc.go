// Package fleet spreads the calls of runs over many hosts, on PostgreSQL and the
// job queue River.
//
// A fleet is one more [pipeline.Agent] and one more [pipeline.Journal]:
//
//   - A [Coordinator] answers the questions of a run by putting each into the
//     queue, once, and waiting for what becomes of it. The run around it is the
//     same, and its checkpoint stays the truth.
//   - A [Worker] takes questions and asks the service with the decorators of a
//     run, Memo(Retry(Limit(Record(call)))). Its journal is a table, its gate a
//     row that all hosts share.
//
// # What is one transaction
//
//   - Fetching: the schedule of the key is locked, as many jobs are taken as may
//     start now, each gets its start, an asked record, and its place in the
//     budget of its run. A worker holds no job that it cannot start.
//   - Settling: the answer, or why there is none, goes into the journal, and the
//     job leaves the queue. An answer is kept trying until it is stored; a crash
//     before that asks again, a crash after it does not.
//
// A job is unique by its question while it is in the queue. Two coordinators with
// the same list wait for the same job.
//
// # Who is dead
//
// A host beats. Others watch it with their own clock, and only while they reach
// the database themselves: a database that was away for an hour has made nobody
// dead. The jobs of a host that did not beat for longer than a call can take are
// given to others; its open calls are possibly billed. The engine's own rescue,
// which goes by the age of a job, is off: a job may wait out an outage of hours.
//
// # What gives way first
//
// The numbers are of two cores that ran everything; see the README for what was
// measured.
//
//   - The row of a key is locked from the lease to the commit of a fetch, some
//     2 ms on a local disk: 400 fetches a second for each key. A fetch takes
//     whatever may start within 200 ms, so that the rate itself is no bound, but
//     100 hosts that wait for the same slow key stand in line for it. They back
//     off while nothing may start. Beyond that, the schedule would be split: a
//     row for each of n shares of the limit, hosts spread over them.
//   - 100 million contacts are 200 million records and, with answers of 8 KB,
//     800 GB. The index by key does not fit into memory any more at some 30
//     million contacts, and settling slows down from the processor's speed to
//     the disk's. Before that, keep less (--retain) or partition the table
//     record by time, so that pruning drops partitions instead of rows.
//   - The queue itself stays short of its runs: a settled job is deleted, and
//     vacuum has to keep up with one dead row a contact. At 1,500 a second
//     the default settings of autovacuum do; a long transaction elsewhere in the
//     same cluster, a backup for example, keeps it from its work, and fetching
//     gets slower the longer that takes.
//   - Status counts all records, some 2 s for a million contacts: minutes for a
//     hundred million. Then the counts have to be kept as rows of their own.
//   - A coordinator polls for 1,024 questions at a time. 100 coordinators cost as
//     much as one that is a hundred times as long.
package fleet
