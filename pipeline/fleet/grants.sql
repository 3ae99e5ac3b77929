-- Roles of the fleet in the database {database}. They have no password yet:
--   \password {worker}
-- Nobody else gets into the database, so that teams with a database each are apart.
BEGIN;
DO $$ BEGIN IF to_regrole($r${worker}$r$) IS NULL THEN CREATE ROLE {worker} LOGIN; END IF; END $$;
DO $$ BEGIN IF to_regrole($r${run}$r$) IS NULL THEN CREATE ROLE {run} LOGIN; END IF; END $$;
DO $$ BEGIN IF to_regrole($r${status}$r$) IS NULL THEN CREATE ROLE {status} LOGIN; END IF; END $$;
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
