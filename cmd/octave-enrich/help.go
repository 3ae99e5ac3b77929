package main

const rootHelp = `octave-enrich asks Octave's Sequence Agent for an outbound email sequence for
every contact of a list, and writes one output row per input row. Answers are
kept in a checkpoint file as they come: an interrupted run goes on where it
ended, and nothing is paid for twice.

  octave-enrich inspect people.csv            how the file is understood; free
  octave-enrich plan people.csv               what a run would ask and cost; free
  octave-enrich run people.csv --limit 10     the first ten contacts
  octave-enrich run people.csv                the rest, into people.enriched.csv

The main job
  run          ask for a sequence for every contact, one row per contact
  plan         what run would do: new, answered, duplicate and unusable rows
  inspect      format, encoding and column mapping of a list
  export       the output again, from the checkpoint alone, in any format

Afterwards
  status       what a checkpoint holds: answered, failed, possibly billed
  report       one page to read: how the runs went, and every email
  review       that page in a browser, to edit, approve and reject emails
  redo         mark contacts that the next run asks again
  erase        take a person out, and name the files that still hold them
  prune        drop old answers

Many hosts
  worker       make the calls of a fleet's runs, on any number of hosts
  fleet        make a fleet on PostgreSQL, look at what it does

The service
  check        is the key valid, what is left, does the agent exist
  agents       the sequence agents of this workspace and their cost
  sandbox      serve the embedded agent on a local address, to try things out

Around it
  config       effective settings and their source; a commented example
  completion   for bash, zsh, fish and PowerShell
  version      the version

Topics, for octave-enrich help TOPIC
  input, output, money, network, telling, senders, exit-codes, summary

The key is read from OCTAVE_API_KEY or from --key-file. Without a key, try
everything with --sandbox. INPUT and OUTPUT may be - for standard input and
output; .csv .tsv .jsonl .xlsx and .gz .zst .zip are understood.

Exit codes
  0 every row settled       1 internal error         2 usage or configuration
  3 some rows failed        4 input unreadable       5 service kept failing
  6 output not writable     7 out of credits         8 budget reached
  9 say what to pay for     10 --max-duration        11 checkpoint in use
  12 key rejected           13 checkpoint damaged    130, 143 stopped by a signal
After 3, 5, 7, 8, 10, 130 and 143 the same command resumes, and the last line
says so.

octave-enrich COMMAND --help explains a command.`

const runHelp = `Ask for a sequence for every contact and write one row per contact, in input
order, whatever happened to it.

Answers go into the checkpoint before they are used, so that running the same
command again asks only what is new or failed. Rows are in OUTPUT.partial until
the run ends in order, then in OUTPUT. The first signal lets the calls in flight
end. A second Ctrl-C, more than a second later, leaves at once; the calls in
flight may then be billed again. SIGTERM and SIGHUP never hurry.

With --async each contact is submitted and its answer polled for. The id of what
was submitted is in the checkpoint before anything else happens: a kill or a cut
connection costs nothing, and the next run polls before it asks.

No call starts that could take the run beyond --max-credits: each is expected to
cost what the agent costs by its own word, or the dearest answer of this run or
the checkpoint if that is more, else 1. Only a call that costs more than that
overshoots it.`

const runExamples = `
  octave-enrich run people.csv --sandbox             try it: no key, no cost
  octave-enrich run people.csv --agent ca_123        the real thing
  octave-enrich run people.csv --set lang=de --limit 10
  octave-enrich run people.csv --context Notes --instructions 'Tone:1'
  octave-enrich run leads.csv --preset smartlead -o upload.csv
  cat people.jsonl | octave-enrich run - -o - --checkpoint people.checkpoint`

const planHelp = `What run would do with the same flags: how many rows are new, answered already,
duplicates or unusable, what it would cost and take, and the first requests.

Nothing is asked that costs. With a key, the service is asked for the credits
left and for the agent's cost per run.`

const inspectHelp = `How a list is understood: format, encoding, delimiter, header line, and which
column feeds which field of the request, with samples and fill rates; which
look-alikes were rejected and why; how many rows can be sent. Nothing is sent.

A wrong guess is overruled with --map FIELD=HEADER, here and in run; --write
pins the mapping in a file that run --map-file holds on to.`

const exportHelp = `The output again, from the checkpoint alone, in any format or preset. The service
is never called, and a run may go on meanwhile. Agent and the other settings of
the questions are those of the last run unless given.`

const reportHelp = `One self-contained HTML page of a checkpoint: outcomes, calls and latency over
time, failures by cause, credits, and every email, to be read and searched. It
loads nothing from anywhere, and a run may go on meanwhile.

The page holds the contacts, their emails and, when the list lies beside the
checkpoint, their rows of the list: it is written for its owner alone (0600), as
the checkpoint is.`

const reviewHelp = `Serve the report page on a loopback address, under a random one that only who
reads it here knows, to approve, reject and edit emails. Press ? there for keys.

Every decision is in CHECKPOINT.review, on disk, before the page calls it saved,
and is about the words and the decision that were on the screen: one that was
made on others is not kept, and the page says so. What it could not send waits in
the browser. An edit is a draft until it is saved, and takes an approval back.
"Write again" (g) marks a contact for the next run, as redo does, and pays nothing.

export --approved then writes approved rows alone, as edited. A contact whose
words changed since, or whose edits do not fit, is held and named; when nobody is
left although something was approved, it exits with 3.`

const statusHelp = `What a checkpoint holds. "Possibly billed" counts calls that ended, or were cut
off, without an answer and that the service may have billed all the same: an
upper bound. With --by run or --by day it also says what each of them came to; a
call counts where it began.`

const fleetHelp = `Many hosts that make the calls of runs, on PostgreSQL. One machine reaches any
rate that one key allows: a fleet is for several keys, for lists and schedules
that must not depend on one box, and for hosts that come and go.

  octave-enrich fleet init --fleet URL       once
  octave-enrich worker --fleet URL           on each host, with the key
  octave-enrich run people.csv --fleet URL   anywhere, without the key

--queue NAME on workers and runs keeps workspaces apart.`

const fleetStatusHelp = `Queues with their questions, the hosts that are alive, the pace of each key, and
the runs that have not ended. "Possibly billed" counts calls without an answer,
as status does for a checkpoint.`

const workerHelp = `Take questions of runs with --fleet from the queue, ask the service, and store
what it says. All workers with the same key share one rate, one pause and one
view of the service; the key itself never reaches the database.

The first signal lets the calls in flight end, which takes up to --timeout; a
second Ctrl-C, more than a second later, leaves at once. A worker that is lost with its machine is noticed by the
others, and its questions are asked again. It exits with 12 when the key is
rejected and with 7 when the credits are spent, as all others with that key do.`

const workerExamples = `
  octave-enrich worker --fleet postgres://octave@db.internal/fleet --rate 20/s
  OCTAVE_FLEET=... octave-enrich worker --queue team-a --key-file team-a.key
  octave-enrich worker --fleet postgres:///fleet --sandbox`

const sandboxHelp = `Serve the embedded Sequence Agent on a local address: it behaves as the service
is known to, bills nobody, and can be made slow, strict or faulty.

  octave-enrich sandbox --latency 2s --rate 5 &
  OCTAVE_API_KEY=any octave-enrich run people.csv --base-url http://127.0.0.1:8750

It takes asynchronous work, too, and posts nothing to a callbackUrl.

GET /sandbox/ledger tells who was asked and billed how often.`

const sendersHelp = `Presets write the file that a sender imports: its own columns, one message a step,
for people who have an address. What must not be sent goes to NAME.held.csv with
the reason; what to do with the file in that sender is said at the end.

  smartlead   bodies with <br>       instantly   bodies with <br />
  lemlist     bodies with <br>       hubspot     plain text, contacts by Record ID
  outreach    bodies with <br>       apollo      bodies with <br />
  emailbison  bodies with <br>       reply       bodies with <br />

Steps     --emails N, else the commonest number: a longer sequence is cut to it,
          a shorter one held back
Threads   --thread leaves the subjects after the first out, so that the later
          steps are replies; without it all rows have them or none has
Held      no address, a name that the sender needs, the same address twice,
          unfinished text such as [First Name] or Hi {{name}}, invisible
          characters, text longer than the sender takes
Columns   --keep COLUMNS become variables of the sender, and are judged, too
Outreach  outreach:20 begins at custom field 20, outreach at 10: the lower ones
          are often fed by the CRM
Again     --new leaves out who was in an earlier file of the preset, so that a
          second upload holds new contacts alone. A file that is written once
          more from the same list holds the same; with a changed list it is
          replaced by who is new: give each night its name, up-{date}.csv

octave-enrich plan LIST --preset SENDER says what would be held, of the answers
that there are. Other senders take a CSV of the generic shape.`
