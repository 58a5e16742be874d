-- verdicts keeps what a grading said of a trial. A row is written when the trial's
-- own columns stop saying it: another grading came, or a person's word.
CREATE TABLE verdicts (
  trial       INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
  grading     INTEGER NOT NULL,
  verdict     TEXT    NOT NULL CHECK (verdict IN
              ('accepted', 'rejected', 'unscored', 'errored', 'diverged', 'needs_confirmation')),
  final       INTEGER NOT NULL,
  first_try   INTEGER CHECK (first_try IN (0, 1)),
  after_regen INTEGER CHECK (after_regen IN (0, 1)),
  human_fix   INTEGER CHECK (human_fix IN (0, 1)),
  fix_origin  TEXT    NOT NULL,
  fix_us      INTEGER NOT NULL,
  cost_low    INTEGER NOT NULL,
  cost_high   INTEGER,
  split       TEXT,
  PRIMARY KEY (trial, grading)
) STRICT, WITHOUT ROWID;

-- judgements are the calls that graders made of judges and embedders, each once
-- under the digest of what was asked and of whom. A row is written before the call;
-- one without an answer and an error is a call whose outcome is unknown.
CREATE TABLE judgements (
  key       BLOB    NOT NULL PRIMARY KEY,
  kind      TEXT    NOT NULL CHECK (kind IN ('judge', 'embedding')),
  name      TEXT    NOT NULL,              -- of the judge or the embedder
  at_us     INTEGER NOT NULL,
  asked     BLOB,                          -- payload: the request as JSON
  answered  BLOB,                          -- payload: the answer's text; NULL: none came
  cost_low  INTEGER NOT NULL DEFAULT 0,
  cost_high INTEGER DEFAULT 0,             -- NULL: no upper end is known
  attempts  TEXT                           -- eval.Attempt list as JSON; NULL: no call has ended
) STRICT, WITHOUT ROWID;

-- reviews are seeded samples of trials for people to judge; the plan is eval.Review.
CREATE TABLE reviews (
  id         INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key        TEXT    NOT NULL UNIQUE,
  created_us INTEGER NOT NULL,
  body       TEXT    NOT NULL
) STRICT;

CREATE TABLE review_items (
  review      INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
  seq         INTEGER NOT NULL,
  trial       INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
  attempt     INTEGER NOT NULL,            -- attempts.seq of the answer that is shown
  other       INTEGER REFERENCES trials (id) ON DELETE CASCADE, -- of a pair: the second answer's
  other_attempt INTEGER,
  swapped     INTEGER NOT NULL CHECK (swapped IN (0, 1)), -- of a pair: the second answer is shown on the left
  probability REAL    NOT NULL CHECK (probability > 0 AND probability <= 1), -- with which the sample took it
  PRIMARY KEY (review, seq)
) STRICT, WITHOUT ROWID;

-- labels are people's words on items: one a reviewer.
CREATE TABLE labels (
  id       INTEGER PRIMARY KEY,
  review   INTEGER NOT NULL,
  item     INTEGER NOT NULL,
  reviewer TEXT    NOT NULL,
  label    TEXT    NOT NULL CHECK (label IN ('accept', 'fix', 'reject', 'first', 'second', 'both', 'neither', 'skip')),
  reasons  TEXT    NOT NULL,               -- list as JSON
  note     TEXT    NOT NULL,
  edit     BLOB,                           -- payload: the answer as the reviewer mended it
  fix_us   INTEGER,                        -- time spent mending; NULL: nothing was mended
  took_us  INTEGER,                        -- time spent in all; NULL: not measured
  at_us    INTEGER NOT NULL,
  UNIQUE (review, item, reviewer),
  FOREIGN KEY (review, item) REFERENCES review_items ON DELETE CASCADE
) STRICT;
CREATE INDEX labels_by_time ON labels (review, reviewer, id);
CREATE INDEX items_by_trial ON review_items (trial);
