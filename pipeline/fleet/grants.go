package fleet

import (
	_ "embed" // grants.sql
	"strings"

	"github.com/jackc/pgx/v5"
)

// Roles are the users of a fleet's database, by what they do: a name is that of the
// database and one of these.
const (
	roleWorker = "worker"
	roleRun    = "run"
	roleStatus = "status"
)

// role is the user of a database who does this.
func role(database, does string) string { return database + "_" + does }

// DatabaseName is the name of the database in a URL, "" when it names none. Its errors
// wrap [ErrURL].
func DatabaseName(url string) (string, error) {
	cfg, err := parse(url)
	if err != nil {
		return "", err
	}
	return cfg.ConnConfig.Database, nil
}

//go:embed grants.sql
var grantsSQL string

// Grants is the SQL that makes the roles of a fleet in a database, and lets each of them
// do what it has to and no more. Whoever made the fleet runs it, once after each Init;
// to do so again changes nothing. It is about the tables of this version.
func Grants(database string) string {
	name := func(does string) string { return pgx.Identifier{role(database, does)}.Sanitize() }
	return strings.NewReplacer(
		"{database}", pgx.Identifier{database}.Sanitize(), "{worker}", name(roleWorker), "{run}", name(roleRun), "{status}", name(roleStatus),
	).Replace(grantsSQL)
}
