-- overrulings are people's choices against a decision, each with its reason. None is
-- ever changed: the latest of a task type counts, one without a candidate takes the
-- ones before it back.
CREATE TABLE overrulings (
  id         INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  task_type  TEXT    NOT NULL,
  candidate  TEXT    NOT NULL,             -- the default that was chosen; '' = what the evidence says, again
  reason     TEXT    NOT NULL CHECK (reason <> ''),
  at_us      INTEGER NOT NULL
) STRICT;
CREATE INDEX overrulings_by_run ON overrulings (run, task_type, id);
