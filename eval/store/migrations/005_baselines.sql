-- Baselines are what a candidate achieved on each task of a run, kept under a name:
-- they outlive the run.
CREATE TABLE baselines (
  name  TEXT    NOT NULL PRIMARY KEY,
  at_us INTEGER NOT NULL,
  body  BLOB    NOT NULL             -- eval.Baseline as JSON
) STRICT, WITHOUT ROWID;
