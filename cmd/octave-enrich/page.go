package main

// Help that fits a screen: run has a page of its own, and what is rarer stands in
// topics.

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
)

// runPage is what run --help prints; a line about a flag that there is not is left
// out.
const runPage = `Ask for a sequence for every contact and write one row per contact, in input
order. Answers are kept in a checkpoint: run the same command again to go on.

Usage
  octave-enrich run INPUT... [-o OUTPUT] [flags]

Examples
  octave-enrich run people.csv --sandbox                try it: no key, no cost
  octave-enrich run people.csv --agent OID --limit 10   ten first
  octave-enrich run people.csv --agent OID              the rest
Files                                                   help input, help output
  -o, --output FILE      default INPUT.enriched.EXT; {date} is today
      --preset SENDER    columns of a sender: help senders
      --keep COLUMNS     input columns to keep; default all
      --checkpoint FILE  where answers are kept; default OUTPUT.checkpoint
      --force            overwrite an output that is not ours
The list
      --map FIELD=HEADER    where a field comes from; repeat for second choices
      --exclude FILE        do-not-contact list
      --skip KINDS          optout, unsendable, duplicate, failed, or none
      --new                 of a preset: who stood in no earlier file of it
The question
      --agent OID           who writes: octave-enrich agents
      --set FIELD=VALUE     the same for every row
      --context HEADER[:STEP], --instructions HEADER[:STEP]
      --template FIELD=TEXT a Go template over the columns
What it may cost                                        help money
      --limit N             the first N new contacts
      --sample N            N new contacts, spread over the list
      --max-credits N       start no call that could pass N
      --max-duration D, --max-failed N|P%, --max-calls N
      --changed HOW         whose question changed: redo or keep
      --max-age D           ask again for older answers
The service                                             help network
      --key-file FILE       else OCTAVE_API_KEY
      --rate R, --concurrency N    upper bounds
      --on-lost HOW         of a call that may be billed: retry or fail
      --async               submit and poll: a cut connection costs nothing
      --fleet URL           let other hosts make the calls: help fleet
Who is told                                             help telling
  -q, -v                    less, more; --log-format json
      --summary FILE, --report FILE.html, --on-exit COMMAND
      --config FILE         YAML, the same names as the flags
`

var (
	lineOfFlag  = regexp.MustCompile(`^ +(?:-\w, )?--([a-z-]+)`)
	flagInWords = regexp.MustCompile(`--([a-z][a-z-]+)`)
)

// pageOf leaves out the lines that begin with a flag which the command has not.
func pageOf(cmd *cobra.Command, page string) string {
	var lines []string
	for _, line := range strings.Split(page, "\n") {
		if m := lineOfFlag.FindStringSubmatch(line); m == nil || cmd.Flags().Lookup(m[1]) != nil {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// A topic explains flags of run.
type topic struct {
	name, short, text string
	groups            []string // of flags, which it lists
}

func topics() []topic {
	return []topic{
		{"input", "Lists: formats, columns, who is left out", inputTopic, []string{options.HeadingInput, options.HeadingQuestion}},
		{"output", "Files: where rows and answers go", outputTopic, []string{options.HeadingOutput}},
		{"money", "What a run may cost, and what is paid again", moneyTopic, []string{options.HeadingBudget}},
		{"network", "The service: key, pace, time-outs, proxies", networkTopic, []string{options.HeadingService, options.HeadingPace}},
		{"telling", "Progress, logs and what others are told", tellingTopic, []string{options.HeadingReport}},
		{"exit-codes", "What each exit code means, and what to do", exitCodesTopic, nil},
	}
}

// newTopics are what "help TOPIC" prints. run is whose flags they explain.
func newTopics(run *cobra.Command) (list []*cobra.Command) {
	for _, t := range topics() {
		text := strings.TrimSpace(t.text) + "\n"
		for _, heading := range t.groups {
			text += "\n" + heading + "\n" + flagsUnder(run, heading).FlagUsagesWrapped(mostColumns)
		}
		list = append(list, &cobra.Command{Use: t.name, Short: t.short, Long: strings.TrimSpace(text)})
	}
	return list
}

// newNames are flags under the name they are registered with, which others still
// use, and the one that help shows.
func newNames() map[string]string {
	return map[string]string{"max-usage": "max-credits", "on-timeout": "on-lost"}
}

// mostColumns are how wide help is at most.
const mostColumns = 90

// sharesFlags says what of run's flags a command has, too.
func sharesFlags(cmd *cobra.Command) string {
	switch cmd.Name() {
	case "plan":
		return "the flags of run about the list, the question, the cost and the files"
	case "export":
		return "the flags of run about the list, the question and the files"
	}
	return ""
}

// dryRun answers who asks run for what plan does.
func (a *app) dryRun() error {
	return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("run has no --dry-run: plan says what it would ask, cost and take, and pays nothing"),
		Hint: a.instead("plan", map[string]bool{"dry-run": false})}
}

const inputTopic = `INPUT is a file, a folder, a pattern or - for standard input: CSV, TSV, JSONL, NDJSON
or a workbook (.xlsx), and each with .gz or .zst. The format comes from the name, then
from the content. Several inputs become one list.

octave-enrich inspect INPUT says how a list is understood. A wrong guess is overruled
with --map FIELD=HEADER, and inspect --write FILE pins it for --map-file FILE.

Rows are named by their number, and by the line of the file where that is another one.`

const outputTopic = `Rows are in OUTPUT.partial until the run ends in order; then OUTPUT appears, whole: one
row per input row, in input order. Answers are in the checkpoint as soon as they come.
The next run of the same command asks only what the checkpoint does not answer.

octave-enrich export INPUT writes the output again from the checkpoint, in any format
or for another sender, and calls nobody.`

const moneyTopic = `Before the first call a run says what it is about to pay for; octave-enrich plan INPUT
says the same and pays nothing. A contact that has an answer is not asked again.

No call starts that could take the run beyond --max-credits: each is expected to cost
what the agent costs by its own word, or the dearest answer of this run or the
checkpoint if that is more, else 1. Only a call that costs more than that overshoots.

Credits are what the service reports as used. A call that ended without an answer may
have been billed: it is counted as possibly billed, and --on-lost fail does not repeat it.`

const networkTopic = `The key is read from --key-file FILE, else from OCTAVE_API_KEY, else from
$CREDENTIALS_DIRECTORY/octave_api_key. It is sent to the base URL alone.

--rate and --concurrency are upper bounds: below them a run finds what the service
takes. A service that fails for everybody is waited for, up to --max-outage. A proxy is
taken from HTTPS_PROXY; --cacert FILE adds the authority of your network.

The first signal lets calls on the wire end, which may take up to --timeout. A second
Ctrl-C, more than a second later, leaves at once; these calls may then be billed again.`

const tellingTopic = `People are told on standard error, programs by files and addresses, however a run ends,
also when it was refused before it began. The summary has a schema: help summary.

-q says warnings and errors alone; -v says more, such as each row that is not asked.`

const exitCodesTopic = `0    every row settled
1    internal error: please report it
2    usage, configuration, mapping or exclude file: mend the command or the file
3    finished, some rows failed: run again to try these once more
4    input missing, unreadable or damaged: mend the list
5    the service kept failing: run again later
6    output or checkpoint not writable: mend the folder, the disk or the name
7    out of credits: run again when there are some
8    a budget was reached, --max-credits or --max-calls: run again
9    say what to pay for: --changed redo or keep, or --fresh
10   --max-duration was reached: run again
11   another run holds the checkpoint: wait, or --wait-lock 10m
12   the key was rejected: octave-enrich check
13   the checkpoint is damaged, or one of two is to be chosen
130  stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP): run again

After 3, 5, 7, 8, 10, 130 and 143 the same command goes on where it ended, and the
last line says so. Nothing that was answered is paid for again.`
