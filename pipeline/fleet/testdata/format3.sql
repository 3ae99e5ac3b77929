-- A fleet of format 3 as it was left: a question that was answered at the second
-- attempt, one that is still asked by a host that was lost, one that failed.
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


INSERT INTO octave_fleet.queue (service, name) VALUES ('test', 'q');
INSERT INTO octave_fleet.host (name, version, format, queue, account, slots, seen) VALUES ('before', '1', 1, 1, 'key', 8, now() - interval '1 hour');
INSERT INTO octave_fleet.pace (account, state) VALUES ('key', '{"allowed": 7, "limit": 3, "in_flight": 1048576}');
INSERT INTO octave_fleet.run (id, checkpoint, queue, ended) VALUES ('old', 'file', 1, now() - interval '1 hour');
