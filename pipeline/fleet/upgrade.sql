-- Moves the tables of formats 1 to 3, which are in use by nobody, to those of today,
-- which schema.sql has made beside them.

INSERT INTO octave_fleet.queue (id, service, name) OVERRIDING SYSTEM VALUE SELECT id, service, name FROM octave_fleet.queue_3;
SELECT setval(pg_get_serial_sequence('octave_fleet.queue', 'id'), greatest(max(id), 1)) FROM octave_fleet.queue;

-- What was learnt of a pace was spelled in another way in formats 1 and 2; it is found again.
INSERT INTO octave_fleet.pace (account, state, kind, error)
    SELECT account, json_build_object('allowed', state->'allowed'), kind, error FROM octave_fleet.pace_3;

-- The nth start of a host for a question and the nth end there are one call. A start
-- without an end is one of which nothing was heard.
INSERT INTO octave_fleet.call (queue, key, run, host, asked, until, ended, result, failed, body, usage, billed)
SELECT queue, key, run, host, coalesce(asked, at), coalesce(at, asked), coalesce(at, asked), coalesce(result, 'lost'),
    false, body, usage, coalesce(billed, true)
FROM (
    SELECT queue, substr(key, 5) AS key, host, run, at AS asked, seq, row_number() OVER (PARTITION BY queue, key, host ORDER BY seq) AS nth
    FROM octave_fleet.record_3 WHERE type = 'asked') a
FULL JOIN (
    SELECT queue, substr(key, 5) AS key, host, run, at, type AS result, body, usage, billed,
        row_number() OVER (PARTITION BY queue, key, host ORDER BY seq) AS nth
    FROM octave_fleet.record_3 WHERE type IN ('answered', 'missed')) e USING (queue, key, host, run, nth)
ORDER BY coalesce(asked, at);

INSERT INTO octave_fleet.tally (queue, run, share, calls, answered, failed, lost, billed, usage)
    SELECT queue, run, 0, count(*), count(*) FILTER (WHERE result = 'answered'), count(*) FILTER (WHERE failed), count(*) FILTER (WHERE result = 'lost'),
        count(*) FILTER (WHERE billed), coalesce(sum(usage), 0)
    FROM octave_fleet.call GROUP BY queue, run;

INSERT INTO octave_fleet.run (id, checkpoint, queue, host, owner, list, total, started, seen, ended, told, incarnation, stopped)
    SELECT id, checkpoint, queue, '', '', '', 0, started, seen, ended,
        CASE WHEN ended IS NULL THEN 0 ELSE (SELECT coalesce(max(id), 0) FROM octave_fleet.call WHERE asked <= ended) END, '', 'stopped'
    FROM octave_fleet.run_3;

DROP TABLE octave_fleet.record_3, octave_fleet.run_3, octave_fleet.host_3, octave_fleet.queue_3, octave_fleet.pace_3, octave_fleet.format_3;
