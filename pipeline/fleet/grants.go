package fleet

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Roles are the users of a fleet's database, by what they do: a name is that of the
// database and one of these.
const (
	RoleWorker = "worker"
	RoleRun    = "run"
	RoleStatus = "status"
)

// Role is the user of a database who does this.
func Role(database, does string) string { return database + "_" + does }

// DatabaseName is the name of the database in a URL, "" when it names none. Its errors
// wrap [ErrURL].
func DatabaseName(url string) (string, error) {
	cfg, err := parse(url)
	if err != nil {
		return "", err
	}
	return cfg.ConnConfig.Database, nil
}

// Grants is the SQL that makes the roles of a fleet in a database, and lets each of them
// do what it has to and no more. Whoever made the fleet runs it, once after each Init;
// to do so again changes nothing. It is about the tables of this version.
func Grants(database string) string {
	name := func(does string) string { return pgx.Identifier{Role(database, does)}.Sanitize() }
	literal := func(does string) string { return "'" + strings.ReplaceAll(Role(database, does), "'", "''") + "'" }
	var roles strings.Builder
	for _, does := range []string{RoleWorker, RoleRun, RoleStatus} {
		fmt.Fprintf(&roles, "    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN CREATE ROLE %s LOGIN; END IF;\n", literal(does), name(does))
	}
	return strings.NewReplacer(
		"{database}", pgx.Identifier{database}.Sanitize(), "{roles}", roles.String(),
		"{worker}", name(RoleWorker), "{run}", name(RoleRun), "{status}", name(RoleStatus),
	).Replace(grantsSQL)
}

const grantsSQL = `-- Roles of the fleet in the database {database}. They have no password yet:
--   \password {worker}
-- Nobody else gets into the database, so that teams with a database each are apart.
BEGIN;
DO $$ BEGIN
{roles}END $$;
REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {worker}, {run}, {status};
REVOKE ALL ON ALL TABLES IN SCHEMA octave_fleet FROM {worker}, {run}, {status};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA octave_fleet FROM {worker}, {run}, {status};
GRANT USAGE ON SCHEMA octave_fleet TO {worker}, {run}, {status};

-- Workers ask, store what they hear, and clear away what is old.
GRANT SELECT ON octave_fleet.format TO {worker};
GRANT SELECT, INSERT ON octave_fleet.queue TO {worker};
GRANT SELECT, INSERT, UPDATE ON octave_fleet.pace TO {worker};
GRANT SELECT, DELETE, UPDATE (calls, usage, cost, stopped, error) ON octave_fleet.run TO {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON octave_fleet.host, octave_fleet.call, octave_fleet.tally TO {worker};
GRANT SELECT, INSERT, UPDATE, DELETE ON octave_fleet.river_job, octave_fleet.river_queue, octave_fleet.river_leader TO {worker};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA octave_fleet TO {worker};

-- Runs put questions into their queues and read answers; fleet cancel, pause and resume
-- are theirs, too.
GRANT SELECT ON octave_fleet.format, octave_fleet.host, octave_fleet.pace, octave_fleet.call, octave_fleet.tally TO {run};
GRANT SELECT, INSERT ON octave_fleet.queue TO {run};
GRANT SELECT, INSERT, UPDATE ON octave_fleet.run TO {run};
GRANT SELECT, INSERT, UPDATE, DELETE ON octave_fleet.river_job TO {run};
GRANT SELECT, INSERT, UPDATE ON octave_fleet.river_queue TO {run};
GRANT USAGE ON SEQUENCE octave_fleet.river_job_id_seq TO {run};

-- Who watches sees no contact, no answer and no question.
GRANT SELECT ON octave_fleet.format, octave_fleet.queue, octave_fleet.host, octave_fleet.pace, octave_fleet.run, octave_fleet.tally TO {status};
GRANT SELECT (id, queue, run, host, asked, until, ended, result, failed, usage, billed) ON octave_fleet.call TO {status};
COMMIT;
`
