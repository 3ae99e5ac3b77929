package fleet

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// What the database says decides whether it is waited for, tried again, or told.
func TestErrorsOfTheDatabase(t *testing.T) {
	d := &DB{password: "secret"}
	for code, want := range map[string]struct {
		kind                 error
		permanent, contended bool
		text                 string
	}{
		"57P01": {ErrUnreachable, false, false, "cannot be reached"}, // it shuts down
		"53300": {ErrUnreachable, false, false, "cannot be reached"}, // too many connections
		"08P01": {ErrUnreachable, false, false, "cannot be reached"}, // a pooler does not get through to it
		"28P01": {ErrURL, false, false, "cannot be used: said"},      // password
		"42501": {ErrURL, true, false, "cannot be used: said"},       // privilege
		"40P01": {ErrURL, false, true, "cannot be used: said"},       // deadlock
	} {
		err := &pgconn.PgError{Code: code, Message: "said", Severity: "secret"}
		told := d.safe(unusable(err))
		if !errors.Is(told, want.kind) || !strings.Contains(told.Error(), want.text) || strings.Contains(told.Error(), "secret") {
			t.Errorf("%s: %v", code, told)
		}
		if permanent(err) != want.permanent || contended(err) != want.contended {
			t.Errorf("%s: permanent is %v, contended %v", code, permanent(err), contended(err))
		}
	}
}
