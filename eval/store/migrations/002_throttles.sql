-- A trial that was cut off has no outcome; it is kept for what it spent.
ALTER TABLE trials ADD COLUMN cut_off INTEGER NOT NULL DEFAULT 0 CHECK (cut_off IN (0, 1));

-- Attempts below this number were made by trials of the same cell that this one
-- replaced: their cost is in its cost, their time not in its times.
ALTER TABLE trials ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;

-- How much later than intended the first call was sent, where calls are sent at a
-- fixed rate; it is part of latency_us. NULL: they are not.
ALTER TABLE trials ADD COLUMN lag_us INTEGER;

-- The process that writes a run is a host, a number drawn by the process and, in
-- writer_pid, its own number: processes of two containers have the same.
ALTER TABLE runs ADD COLUMN writer TEXT;

-- throttles is what each provider could be sent, as it changed during a run.
CREATE TABLE throttles (
  run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  seq        INTEGER NOT NULL,
  at_us      INTEGER NOT NULL,
  provider   TEXT    NOT NULL,
  cause      TEXT    NOT NULL CHECK (cause IN ('start', 'grow', 'rate_limit', 'pause', 'outage', 'recovery')),
  calls      INTEGER NOT NULL,             -- calls in flight at most
  per_minute REAL,                         -- calls begun a minute at most; NULL: no limit
  wait_us    INTEGER NOT NULL,             -- how long nothing was sent from then on
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- lost are the intents of a process that died: calls that may have been sent and
-- billed, of which nothing else is known. What they cost is in no figure.
CREATE TABLE lost (
  run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  candidate INTEGER NOT NULL,
  task      INTEGER NOT NULL,
  repeat    INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,
  at_us     INTEGER NOT NULL,
  PRIMARY KEY (run, candidate, task, repeat, attempt, at_us)
) STRICT, WITHOUT ROWID;

-- Times to the final result are now those of trials that have one: sum up anew.
UPDATE runs SET rolled = 0;
