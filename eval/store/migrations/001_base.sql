-- Narrow fact tables hold numbers; texts live in payloads. Times are unix or
-- elapsed microseconds, money is pico-USD, NULL is unknown.

CREATE TABLE runs (
  id          INTEGER PRIMARY KEY,
  key         TEXT    NOT NULL UNIQUE,
  name        TEXT    NOT NULL,
  state       TEXT    NOT NULL CHECK (state IN ('running', 'complete', 'incomplete')),
  created_us  INTEGER NOT NULL,
  updated_us  INTEGER NOT NULL,
  body        TEXT    NOT NULL,            -- the plan: eval.Run as JSON
  rolled      INTEGER NOT NULL DEFAULT 0 CHECK (rolled IN (0, 1)), -- 1: rollups agree with trials
  writer_pid  INTEGER,                     -- the process that writes this run
  writer_us   INTEGER                      -- when it last said so
) STRICT;

-- names is the dictionary of short repeated strings.
CREATE TABLE names (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- asked is the dictionary of what a call carried beside its messages.
CREATE TABLE asked (
  id     INTEGER PRIMARY KEY,
  system BLOB NOT NULL,
  tools  BLOB NOT NULL,
  params BLOB NOT NULL,
  UNIQUE (system, tools, params)
) STRICT;

CREATE TABLE payloads (
  digest BLOB    NOT NULL PRIMARY KEY,     -- of the text, uncompressed
  codec  INTEGER NOT NULL CHECK (codec IN (0, 1)), -- 0 plain, 1 zstd
  body   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
  run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  seq        INTEGER NOT NULL,
  task_id    TEXT    NOT NULL,
  type       INTEGER NOT NULL REFERENCES names (id),
  cluster    INTEGER NOT NULL,             -- 64 bits of the digest of the group's name, or of the task's own id
  input_type TEXT    NOT NULL,
  file       INTEGER NOT NULL REFERENCES names (id),
  line       INTEGER NOT NULL,
  payload    BLOB    NOT NULL,             -- the dataset line; its digest is the line's
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Trials are appended as they end, and what belongs to one is kept under its
-- number: so a commit writes a few pages at the end of each table, although trials
-- run in a shuffled order.
CREATE TABLE trials (
  id            INTEGER PRIMARY KEY,
  run           INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  candidate     INTEGER NOT NULL,          -- index into the run's candidates
  task          INTEGER NOT NULL,          -- tasks.seq
  repeat        INTEGER NOT NULL,
  type          INTEGER NOT NULL,
  cluster       INTEGER NOT NULL,
  verdict       TEXT    NOT NULL CHECK (verdict IN
                ('accepted', 'rejected', 'unscored', 'errored', 'diverged', 'needs_confirmation')),
  class         TEXT,                      -- of the failure that ended an errored trial
  attempts      INTEGER NOT NULL,
  retries       INTEGER NOT NULL,
  fallback      INTEGER NOT NULL CHECK (fallback IN (0, 1)),
  regenerations INTEGER NOT NULL,
  final         INTEGER NOT NULL,          -- attempts.seq of the answer that counts, -1 none
  first_try     INTEGER CHECK (first_try IN (0, 1)),
  after_regen   INTEGER CHECK (after_regen IN (0, 1)),
  human_fix     INTEGER CHECK (human_fix IN (0, 1)),
  fix_origin    TEXT    NOT NULL,
  fix_us        INTEGER NOT NULL,
  latency_us    INTEGER,                   -- user-visible
  ttft_us       INTEGER,
  backend_us    INTEGER,                   -- summed over attempts, where every one reported it
  cost_low      INTEGER NOT NULL,
  cost_high     INTEGER,                   -- NULL: no upper end is known
  split         TEXT,                      -- eval.CostSplit as JSON; NULL: the first answer cost it all
  plan          TEXT,                      -- of a backup that needs confirmation
  UNIQUE (run, candidate, task, repeat)
) STRICT;

CREATE TABLE attempts (
  trial      INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
  seq        INTEGER NOT NULL,
  cause      TEXT    NOT NULL CHECK (cause IN ('first', 'retry', 'fallback', 'regenerate', 'judge', 'tool', 'step')),
  called     INTEGER NOT NULL REFERENCES names (id), -- the candidate that was called
  provider   INTEGER NOT NULL REFERENCES names (id),
  model      INTEGER NOT NULL REFERENCES names (id),
  served     INTEGER REFERENCES names (id),
  asked      INTEGER NOT NULL REFERENCES asked (id),
  started_us INTEGER NOT NULL,
  queue_us   INTEGER NOT NULL,
  backoff_us INTEGER NOT NULL,
  flight_us  INTEGER NOT NULL,
  ttft_us    INTEGER,
  backend_us INTEGER,
  recorded   INTEGER NOT NULL CHECK (recorded IN (0, 1)),
  class      TEXT,                         -- NULL: an answer came
  status     INTEGER,
  finish     TEXT,
  billing    TEXT    NOT NULL CHECK (billing IN ('billed', 'estimated', 'not_billed', 'unknown')),
  cost_low   INTEGER NOT NULL,
  cost_high  INTEGER,
  in_fresh   INTEGER,                      -- tokens; NULL: usage unknown
  in_cached  INTEGER,                      -- read from or written to a cache
  out_text   INTEGER,
  out_reason INTEGER,
  request_id TEXT,
  output     BLOB,                         -- payload: the answer's text
  detail     TEXT,                         -- JSON: what an attempt has beside numbers; NULL where there is nothing
  PRIMARY KEY (trial, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE grades (
  trial     INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
  grading   INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,
  verdict   TEXT    NOT NULL CHECK (verdict IN ('accepted', 'rejected', 'unscored')),
  scores    TEXT    NOT NULL,              -- eval.Score list as JSON
  PRIMARY KEY (trial, grading, attempt)
) STRICT, WITHOUT ROWID;

-- intents are calls that were about to be sent. One without an attempt that began
-- after it is a call whose outcome is unknown and which may have been billed. They
-- are only appended while a run is written, and cleared when it ends.
CREATE TABLE intents (
  run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  candidate INTEGER NOT NULL,
  task      INTEGER NOT NULL,
  repeat    INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,
  at_us     INTEGER NOT NULL
) STRICT;

CREATE TABLE rollups (
  run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  type      TEXT    NOT NULL,              -- '*' for all task types
  candidate INTEGER NOT NULL,
  body      TEXT    NOT NULL,              -- eval.Cell as JSON
  PRIMARY KEY (run, type, candidate)
) STRICT, WITHOUT ROWID;

CREATE TABLE gradings (
  run    INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  body   TEXT    NOT NULL,                 -- eval.Grading as JSON
  at_us  INTEGER NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
