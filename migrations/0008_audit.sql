-- What people changed about an organisation, a line of JSON each, chained. The network it came from stands beside, and
-- is forgotten sooner. What they changed about an event stands in its Gatekeeper.
CREATE TABLE organisation_audit (
  organisation BLOB NOT NULL,
  no INTEGER NOT NULL,
  line TEXT NOT NULL,
  network TEXT,
  salt BLOB,
  chain BLOB NOT NULL,
  PRIMARY KEY (organisation, no)
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_audit_network ON organisation_audit (line->>'$.at') WHERE network IS NOT NULL;
-- Append-only, whoever writes.
CREATE TRIGGER organisation_audit_stays BEFORE DELETE ON organisation_audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER organisation_audit_holds BEFORE UPDATE OF organisation, no, line, chain ON organisation_audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
