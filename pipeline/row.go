package pipeline

import (
	"errors"
	"strings"

	"octave-enrich/octave"
	"octave-enrich/reader"
	"octave-enrich/writer"
)

// What became of a row, in the column octave_status.
const (
	StatusOK           = writer.StatusOK
	StatusNotFound     = writer.StatusNotFound
	StatusFailed       = writer.StatusFailed // running again asks again
	StatusInvalid      = writer.StatusInvalid
	StatusExcluded     = writer.StatusExcluded
	StatusNotAttempted = writer.StatusNotAttempted
)

// A rowError settles a row without a call.
type rowError struct{ status, why string }

func (e *rowError) Error() string { return e.why }

// isFailure says whether a row with this error is a failed one.
func isFailure(err error) bool {
	if settled, ok := errors.AsType[*rowError](err); ok {
		return settled.status == StatusFailed
	}
	return err != nil && !errors.Is(err, ErrStopped)
}

// RowOf flattens an answer, or the lack of one, into the row of its contact.
func RowOf(contact reader.Contact, answer *octave.Answer, err error) writer.Row {
	row := writer.Row{
		Cells: contact.Cells, Object: contact.Object, Raw: contact.Raw,
		To: recipientOf(contact),
	}
	var settled *rowError
	switch {
	case errors.As(err, &settled):
		row.Status, row.Error = settled.status, settled.why
	case errors.Is(err, ErrStopped):
		row.Status = StatusNotAttempted
	case err != nil:
		row.Status, row.Error = StatusFailed, firstLine(err.Error())
	case !answer.Found:
		row.Status, row.Error = StatusNotFound, answer.Message
	default:
		row.Status = StatusOK
	}
	if answer != nil {
		fill(&row, answer)
	}
	return row
}

func fill(row *writer.Row, answer *octave.Answer) {
	row.RequestID, row.Usage = answer.RequestID, string(answer.Usage)
	row.Playbook = writer.Entity(answer.Playbook)
	row.Persona = writer.Entity(answer.Persona)
	row.Product = writer.Entity(answer.Product)
	row.OutputType = answer.OutputType
	row.Emails = make([]writer.Email, len(answer.Emails))
	for i, e := range answer.Emails {
		row.Emails[i] = writer.Email(e)
	}
}

func recipientOf(c reader.Contact) writer.Recipient {
	p := c.Person
	website := ""
	if p.CompanyDomain != "" {
		website = "https://" + p.CompanyDomain
	}
	return writer.Recipient{
		Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, JobTitle: p.JobTitle,
		CompanyName: p.CompanyName, CompanyDomain: p.CompanyDomain, Website: website,
		LinkedInProfile: p.LinkedInProfile, CRMContactID: p.CRMContactID,
	}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
