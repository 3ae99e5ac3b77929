package person

import (
	"slices"
	"strings"
	"unicode"
)

// longestStatus is how many bytes a status has at most; a longer text is a note.
const longestStatus = 80

// A Status is what a cell such as Unsubscribed or Bounced says.
type Status string

// What a status may say; "" is anything else.
const (
	Stop    Status = "stop" // the person must not be written to
	BadMail Status = "bad"  // the address takes no mail
	Yes     Status = "yes"  // what the name of the column asks

	no Status = "no" // behind a status: it is not so
)

// StatusOf reads the cell of a column about the status of an address or of a
// subscription: do_not_mail, "Unsubscribed (2 May)". Only what the cell begins with
// counts, so that "Never bounced" says nothing.
func StatusOf(cell string) Status {
	if cell == "" || len(cell) > longestStatus {
		return ""
	}
	words := strings.FieldsFunc(strings.ToLower(visible(cell)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && r != '\''
	})
	for n := min(len(words), 4); n > 0; n-- {
		kind := Status(known().statuses[strings.Join(words[:n], " ")])
		if kind != "" && kind != no && !slices.ContainsFunc(words[n:], takesBack) {
			return kind
		}
	}
	return ""
}

// takesBack says whether a word behind a status denies it, or makes it one of something
// else: "Opt out: no", "unsubscribed (2019), resubscribed", "Do not send samples".
func takesBack(word string) bool { return Status(known().statuses[word]) == no }
