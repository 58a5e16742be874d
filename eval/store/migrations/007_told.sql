-- told is which figures a trial that was run elsewhere came with: 1 its retries,
-- 2 whether a backup was called, 4 whether the user asked again. NULL: it was run
-- here, or before this was kept.
ALTER TABLE trials ADD COLUMN told INTEGER;
