-- What a fleet keeps beside the tables of its engine. Bodies are bytea, not jsonb:
-- an answer is kept as the service sent it, whatever is in it.

CREATE TABLE octave_fleet.format (
    version int NOT NULL
);
INSERT INTO octave_fleet.format VALUES (3);

-- Answers belong to a queue: one workspace of one service.
CREATE TABLE octave_fleet.queue (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    name    text NOT NULL,
    UNIQUE (service, name)
);

-- A host is one process of a worker. One that is watched and does not beat is dead.
CREATE TABLE octave_fleet.host (
    id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text NOT NULL, -- also its name in the engine
    version   text NOT NULL,
    format    int NOT NULL, -- of the jobs that it understands
    queue     int NOT NULL,
    account   text NOT NULL,
    slots     int NOT NULL, -- calls in flight at most
    in_flight int NOT NULL DEFAULT 0,
    started   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen      timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat      bigint NOT NULL DEFAULT 0,
    ended     timestamptz
);

-- The one schedule of all hosts with the same key, by its fingerprint.
CREATE TABLE octave_fleet.pace (
    account text PRIMARY KEY,
    state   json NOT NULL,
    next    timestamptz NOT NULL DEFAULT clock_timestamp(), -- the first start not given away
    kind    text, -- why nobody may ask: key or credits; null when they may
    error   text
);

-- A run is one process of a coordinator.
CREATE TABLE octave_fleet.run (
    id         text PRIMARY KEY,
    checkpoint text NOT NULL, -- the one file that all its runs write
    queue      int NOT NULL,
    started    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended      timestamptz, -- in order: whatever was known of its questions is in the checkpoint
    max_calls  bigint,
    calls      bigint NOT NULL DEFAULT 0, -- counted when max_calls is given
    max_usage  numeric,
    usage      numeric NOT NULL DEFAULT 0, -- summed when max_usage is given
    cost       numeric, -- what a call is expected to cost then; null when nothing is known
    stopped    text, -- why no call may start for it any more
    error      text
);
CREATE INDEX run_checkpoint ON octave_fleet.run (checkpoint);

-- The journal of the fleet: what a checkpoint holds of questions, by all hosts.
-- Host and seq name a record, so that a commit of unknown end can be repeated.
CREATE TABLE octave_fleet.record (
    host  int NOT NULL,
    seq   bigint NOT NULL,
    queue int NOT NULL,
    key   bytea NOT NULL, -- of the queue and the question: also the unique key of its job
    type  text NOT NULL, -- asked, missed, answered, failed
    run   text NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    body  bytea,
    usage  numeric, -- of an answer, as reported
    billed boolean NOT NULL DEFAULT false, -- of an attempt that was missed: possibly
    PRIMARY KEY (host, seq)
);
DO $$ BEGIN -- a fifth of the processor's time of the default method
    ALTER TABLE octave_fleet.record ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN NULL; -- a server that was built without it
END $$;
CREATE INDEX record_key ON octave_fleet.record (key);
CREATE INDEX record_settled ON octave_fleet.record (key) WHERE type IN ('answered', 'failed');
CREATE INDEX record_at ON octave_fleet.record (at);

-- Without rows a table has no statistics, and without statistics the planner takes
-- a key for one that many rows share, and reads whole tables in the fleet's first
-- minutes. So it is shown what the tables will be like.
INSERT INTO octave_fleet.record (host, seq, queue, key, type, run)
    SELECT 0, n, 0, decode(md5(n::text), 'hex'), (ARRAY['asked', 'answered'])[1 + n % 2], '' FROM generate_series(1, 2000) n;
INSERT INTO octave_fleet.river_job (args, kind, max_attempts, queue, state, unique_key, unique_states, attempted_by)
    SELECT '{}', 'x', 1, 'octave' || n % 7, (CASE WHEN n % 100 = 0 THEN 'running' ELSE 'available' END)::octave_fleet.river_job_state, decode(md5(n::text), 'hex'), B'11110001', '{x}'
    FROM generate_series(1, 2000) n;
ANALYZE octave_fleet.record, octave_fleet.river_job;
DELETE FROM octave_fleet.record;
DELETE FROM octave_fleet.river_job;

-- The engine's indexes for looking into jobs: nobody does, and they cost a third
-- of the time of an insert.
DROP INDEX IF EXISTS octave_fleet.river_job_args_index, octave_fleet.river_job_metadata_index, octave_fleet.river_job_kind;
