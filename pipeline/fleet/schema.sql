-- What a fleet keeps beside the tables of River.

-- A program of format F works with a fleet when oldest <= F, and the fleet's version
-- is one that it knows. Restored counts how often somebody said that a backup was put
-- back.
CREATE TABLE octave_fleet.format (
    version  int NOT NULL,
    oldest   int NOT NULL,
    restored int NOT NULL DEFAULT 0
);
INSERT INTO octave_fleet.format VALUES (5, 4);

-- Answers belong to a queue: one workspace of one service.
CREATE TABLE octave_fleet.queue (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    name    text NOT NULL,
    UNIQUE (service, name)
);

-- A host is one process of a worker.
CREATE TABLE octave_fleet.host (
    id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text NOT NULL UNIQUE, -- also its name in River
    version   text NOT NULL,
    format    int NOT NULL,
    queue     int NOT NULL,
    account   text NOT NULL,
    slots     int NOT NULL, -- calls in flight at most
    in_flight int NOT NULL DEFAULT 0,
    started   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended     timestamptz
);

-- The one schedule of all hosts with the same key, by its fingerprint.
CREATE TABLE octave_fleet.pace (
    account text PRIMARY KEY,
    state   json NOT NULL,
    next    timestamptz NOT NULL DEFAULT clock_timestamp(), -- the first start not given away
    seen    timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was changed last: the clock never goes back behind it
    rejected int NOT NULL DEFAULT 0, -- calls in a row, of a key that counts as valid
    kind    text, -- why nobody may ask: key or credits; null when they may
    error   text
);

-- A run is one process of a coordinator. Its questions lie in the queue run-ID of River.
CREATE TABLE octave_fleet.run (
    id           text PRIMARY KEY,
    checkpoint   text NOT NULL, -- the one file that all its runs write
    queue        int NOT NULL,
    host         text NOT NULL, -- where it runs,
    owner        text NOT NULL, -- for whom
    list         text NOT NULL, -- and with which list
    total        int NOT NULL,  -- questions that it has to ask
    done         int NOT NULL DEFAULT 0, -- and those of which it knows what became of them
    started      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen         timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended        timestamptz, -- in order: whatever was known of its questions is in the checkpoint
    told         bigint NOT NULL DEFAULT 0, -- and this is the last call that it was told of
    incarnation  text NOT NULL, -- of the database in which it was confirmed
    orphan_after interval, -- unwatched for so long it is held; null for never
    paused       timestamptz,
    max_calls    bigint,
    calls        bigint NOT NULL DEFAULT 0, -- counted when max_calls is given
    max_usage    numeric,
    usage        numeric NOT NULL DEFAULT 0, -- summed when max_usage is given
    cost         numeric, -- what a call is expected to cost then; null when nothing is known
    stopped      text, -- why no call may start for it any more
    error        text
);
CREATE INDEX run_checkpoint ON octave_fleet.run (checkpoint);

-- The journal of the fleet: the calls of all hosts. A call that has not ended is on
-- the wire, and no other one asks the same.
CREATE TABLE octave_fleet.call (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue    int NOT NULL,
    key      bytea NOT NULL, -- of the question
    run      text NOT NULL,
    host     int NOT NULL,
    asked    timestamptz NOT NULL DEFAULT clock_timestamp(),
    until    timestamptz NOT NULL, -- one that has not ended by then is lost; infinity for what was submitted: whoever polls hears of it
    ended    timestamptz,
    result   text, -- answered, missed, lost
    failed   boolean NOT NULL DEFAULT false, -- the question was given up with it
    attempts int NOT NULL DEFAULT 0, -- that count against --retries, up to this one
    body     bytea, -- as the service sent it: jsonb would spell it anew; of an open submission its record
    usage    numeric, -- of an answer, as reported
    billed   boolean NOT NULL DEFAULT false, -- without an answer: possibly
    work     text -- what the service calls a question that was submitted, '' until it has said so; null for a call that waits for its answer
);
DO $$ BEGIN -- a fifth of the processor's time of the default method
    ALTER TABLE octave_fleet.call ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN NULL; -- a server that was built without it
END $$;
CREATE INDEX call_key ON octave_fleet.call (key);
CREATE UNIQUE INDEX call_open ON octave_fleet.call (queue, key) WHERE ended IS NULL;
CREATE INDEX call_settled ON octave_fleet.call (key) WHERE result = 'answered' OR failed;

-- Which life of the database this is: another cluster, timeline or copy of the tables
-- is another one, and so is a backup of which somebody said that it was put back.
CREATE FUNCTION octave_fleet.incarnation() RETURNS text LANGUAGE plpgsql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ -- the same for every user, whatever that one may ask
DECLARE
    restored text := (SELECT f.restored FROM octave_fleet.format f);
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system()) || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
        || '.' || 'octave_fleet.run'::regclass::oid || '.' || restored;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 'octave_fleet.run'::regclass::oid || '.' || restored;
END $$;

-- Without rows a table has no statistics, and without statistics the planner takes
-- a key for one that many rows share, and reads whole tables in the fleet's first
-- minutes. So it is shown what the table will be like.
INSERT INTO octave_fleet.call (queue, key, run, host, until, ended, result)
    SELECT 0, decode(md5(n::text), 'hex'), '', 0, now(), now(), (ARRAY['missed', 'answered'])[1 + n % 2] FROM generate_series(1, 2000) n;
ANALYZE octave_fleet.call;
DELETE FROM octave_fleet.call;

-- What the calls that have ended add up to: kept, so that nobody reads all calls to know
-- it. A run has a row for each of some shares of the sessions,
-- which else would wait for each other's transactions.
CREATE TABLE octave_fleet.tally (
    queue    int NOT NULL,
    run      text NOT NULL, -- '' for those that were dropped
    share    int NOT NULL,
    calls    bigint NOT NULL DEFAULT 0,
    answered bigint NOT NULL DEFAULT 0,
    failed   bigint NOT NULL DEFAULT 0, -- questions that were given up
    lost     bigint NOT NULL DEFAULT 0, -- since the fleet began, whatever was heard of them later
    billed   bigint NOT NULL DEFAULT 0, -- without an answer: possibly
    usage    numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, run, share)
) WITH (fillfactor = 50);

-- Calls as they are now count, and as they were before no more. Only lost calls are never
-- taken off: one counts when it is taken for lost, and not again when it changes after
-- that, because it is given up (failed) or its id is heard of after all (work).
CREATE FUNCTION octave_fleet.add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n int := TG_ARGV[0]; -- 1 or -1
BEGIN
    INSERT INTO octave_fleet.tally AS t (queue, run, share, calls, answered, failed, lost, billed, usage)
        SELECT queue, run, pg_backend_pid() % 64, n * count(*), n * count(*) FILTER (WHERE result = 'answered'), n * count(*) FILTER (WHERE failed),
            greatest(n, 0) * count(*) FILTER (WHERE result = 'lost' AND NOT failed AND coalesce(work, '') = ''), n * count(*) FILTER (WHERE billed), n * coalesce(sum(usage), 0)
        FROM calls WHERE ended IS NOT NULL GROUP BY queue, run
    ON CONFLICT (queue, run, share) DO UPDATE SET calls = t.calls + excluded.calls, answered = t.answered + excluded.answered, failed = t.failed + excluded.failed,
        lost = t.lost + excluded.lost, billed = t.billed + excluded.billed, usage = t.usage + excluded.usage;
    RETURN NULL;
END $$;
CREATE TRIGGER are AFTER UPDATE ON octave_fleet.call REFERENCING NEW TABLE AS calls FOR EACH STATEMENT EXECUTE FUNCTION octave_fleet.add_up('1');
CREATE TRIGGER were AFTER UPDATE ON octave_fleet.call REFERENCING OLD TABLE AS calls FOR EACH STATEMENT EXECUTE FUNCTION octave_fleet.add_up('-1');
CREATE TRIGGER gone AFTER DELETE ON octave_fleet.call REFERENCING OLD TABLE AS calls FOR EACH STATEMENT EXECUTE FUNCTION octave_fleet.add_up('-1');
