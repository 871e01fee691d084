-- The directory: who may ask for what. Instants are milliseconds since 1970; ids are UUIDs as 16 bytes.
CREATE TABLE organisation (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE organisation_key (
  id BLOB PRIMARY KEY,
  organisation BLOB NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  -- SHA-256 of the key; the key itself is shown once and kept nowhere.
  hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_key_organisation ON organisation_key (organisation, id);

-- A copy of what the event's Gatekeeper says of itself, to list events and to find one by the tag in its tokens.
CREATE TABLE event (
  id BLOB PRIMARY KEY,
  tag BLOB NOT NULL,
  organisation BLOB NOT NULL,
  title TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  timezone TEXT NOT NULL,
  location TEXT,
  capacity INTEGER,
  created_at INTEGER NOT NULL,
  closed_at INTEGER,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX event_organisation ON event (organisation, id);
CREATE INDEX event_tag ON event (tag);
CREATE INDEX event_ends_at ON event (ends_at);

-- Wrong enrolment codes by address, so that guessing is slowed down.
CREATE TABLE wrong_code (
  address BLOB NOT NULL,
  minute INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  PRIMARY KEY (address, minute)
) STRICT, WITHOUT ROWID;

-- The entry log, written only by the Gatekeepers' outboxes. No personal data.
CREATE TABLE entry (
  event BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  scan BLOB NOT NULL,
  ticket BLOB,
  type TEXT,
  gate TEXT NOT NULL,
  zone TEXT NOT NULL,
  device TEXT,
  staff TEXT,
  direction TEXT NOT NULL,
  people INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  code TEXT,
  attempt INTEGER,
  forced INTEGER NOT NULL,
  offline INTEGER NOT NULL,
  inside_change INTEGER NOT NULL,
  scanned_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  validation_ms REAL NOT NULL,
  PRIMARY KEY (event, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_time ON entry (event, scanned_at);
CREATE INDEX entry_gate_time ON entry (event, gate, scanned_at);
CREATE INDEX entry_staff_time ON entry (event, staff, scanned_at);
CREATE INDEX entry_ticket ON entry (event, ticket);
CREATE INDEX entry_duplicate_time ON entry (event, scanned_at) WHERE code = 'already_admitted';
