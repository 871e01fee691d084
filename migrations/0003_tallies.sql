-- The log added up, written with the entries it adds up and in the same transaction; see durable-objects/outbox/outbox.ts.
-- The event by the minute, everything else by the quarter of an hour.
CREATE TABLE tally (
  event BLOB NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  -- admitted, exited, visited, or the reason of a refusal.
  outcome TEXT NOT NULL,
  scans INTEGER NOT NULL,
  people INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (event, scope, key, at, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE latency_tally (
  event BLOB NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  -- Buckets of 5 %; see core/tally.ts.
  bucket INTEGER NOT NULL,
  scans INTEGER NOT NULL,
  PRIMARY KEY (event, scope, key, bucket)
) STRICT, WITHOUT ROWID;

-- How far each event's log is in here, entries and tallies alike.
CREATE TABLE drained (
  event BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (event, epoch)
) STRICT, WITHOUT ROWID;
