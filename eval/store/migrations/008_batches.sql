-- batches are calls that were sent to a provider at once. A row is written before
-- anything is sent, so that a process that dies leaves word of it.
CREATE TABLE batches (
  run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key       TEXT    NOT NULL,              -- ours
  id        TEXT,                          -- the provider's; NULL: not known
  candidate TEXT    NOT NULL,
  provider  TEXT    NOT NULL,
  model     TEXT    NOT NULL,
  state     TEXT    NOT NULL CHECK (state IN ('sending', 'sent', 'ended', 'void')),
  calls     BLOB    NOT NULL,              -- keys of the calls, 16 bytes each
  sent_us   INTEGER NOT NULL,
  ended_us  INTEGER,                       -- when it was seen to have ended
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- The provider's number of the batch that a call was part of: its flight_us says
-- nothing. NULL: the call was made by itself.
ALTER TABLE attempts ADD COLUMN batch TEXT;
