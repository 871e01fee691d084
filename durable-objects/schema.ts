/** A ticket's status as `core/event.ts` has it. */
function statusOf(ticket: string): string {
  return `CASE WHEN ${ticket}.revoked_at IS NOT NULL THEN 'revoked' WHEN ${ticket}.blocked_at IS NOT NULL THEN 'blocked'
    WHEN ${ticket}.paid = 0 THEN 'unpaid' ELSE 'valid' END`
}

function count(ticket: 'NEW' | 'OLD', by: 1 | -1): string {
  return `INSERT INTO ticket_count (type, status, tickets) VALUES (${ticket}.type, ${statusOf(ticket)}, ${by})
    ON CONFLICT (type, status) DO UPDATE SET tickets = tickets + ${by}`
}

/**
 * The Gatekeeper's own schema, one step an element. Steps are only ever added and only ever add: a Gatekeeper of
 * yesterday must be able to work on a database of today while a deployment rolls out.
 */
export const steps: readonly string[] = [
  `
  -- The event as JSON, and small things worth a name: epoch, watermarks, counters.
  CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

  -- The organiser's words and the small numbers that stand for them in the tables that grow.
  CREATE TABLE zone (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, details TEXT NOT NULL) STRICT;
  CREATE TABLE ticket_type (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, details TEXT NOT NULL) STRICT;
  CREATE TABLE gate (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, details TEXT NOT NULL) STRICT;
  CREATE TABLE staff (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, details TEXT NOT NULL) STRICT;
  CREATE TABLE device (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, type TEXT NOT NULL, staff INTEGER NOT NULL,
    gate INTEGER, token_hash BLOB NOT NULL, public_key TEXT, enrolled_at INTEGER NOT NULL, revoked_at INTEGER
  ) STRICT;
  CREATE TABLE enrolment (
    code_hash BLOB PRIMARY KEY, staff INTEGER NOT NULL, gate INTEGER, expires_at INTEGER NOT NULL, token_hash BLOB
  ) STRICT, WITHOUT ROWID;
  -- Codes that were not ours, which are counted and not logged.
  CREATE TABLE invalid_code (
    device INTEGER NOT NULL, reason TEXT NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (device, reason, minute)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ticket (
    id BLOB PRIMARY KEY, type INTEGER NOT NULL, admits INTEGER NOT NULL, issued_at INTEGER NOT NULL,
    valid_from INTEGER, valid_until INTEGER, paid INTEGER NOT NULL, blocked_at INTEGER, revoked_at INTEGER,
    reason TEXT, note TEXT, attention INTEGER NOT NULL, short_code TEXT NOT NULL, reference TEXT, booking INTEGER,
    link INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX ticket_short_code ON ticket (short_code);
  CREATE UNIQUE INDEX ticket_reference ON ticket (reference) WHERE reference IS NOT NULL;
  CREATE TABLE code (code TEXT PRIMARY KEY, ticket BLOB NOT NULL) STRICT, WITHOUT ROWID;
  -- People stand in tables of their own, so that they can be erased and the rest stays.
  CREATE TABLE holder (ticket BLOB PRIMARY KEY, name TEXT, email TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE booking (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, email TEXT, quantity INTEGER
  ) STRICT;

  CREATE TABLE standing (
    ticket BLOB NOT NULL, zone INTEGER NOT NULL, entries INTEGER NOT NULL, exits INTEGER NOT NULL,
    inside INTEGER NOT NULL, presented INTEGER NOT NULL, admission INTEGER, first_at INTEGER, last_at INTEGER,
    day INTEGER NOT NULL, entries_today INTEGER NOT NULL,
    PRIMARY KEY (ticket, zone)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, scan BLOB NOT NULL, ticket BLOB, type INTEGER, gate INTEGER NOT NULL,
    zone INTEGER NOT NULL, device INTEGER, staff INTEGER, direction TEXT NOT NULL, people INTEGER NOT NULL,
    verdict TEXT NOT NULL, inside_change INTEGER NOT NULL, first INTEGER NOT NULL, source TEXT, force_reason TEXT,
    scanned_at INTEGER NOT NULL, received_at INTEGER NOT NULL, validation_ms REAL NOT NULL,
    cache_hit INTEGER NOT NULL, fingerprint BLOB NOT NULL, chain BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entry_scan ON entry (scan);
  CREATE INDEX entry_ticket ON entry (ticket) WHERE ticket IS NOT NULL;
  `,
  `
  -- Which admission was taken back by which entry.
  CREATE TABLE annulment (seq INTEGER PRIMARY KEY, by_seq INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  -- When everybody was last taken to have left a zone.
  CREATE TABLE clearing (zone INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  -- People that tickets were issued for, revoked ones left out: what a type's capacity is counted against.
  CREATE TABLE sold (type INTEGER PRIMARY KEY, people INTEGER NOT NULL) STRICT;
  CREATE TABLE sale (
    scan BLOB PRIMARY KEY, ticket BLOB NOT NULL, method TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT,
    people INTEGER NOT NULL, gate INTEGER NOT NULL, staff INTEGER, device INTEGER, sold_at INTEGER NOT NULL,
    admitted INTEGER NOT NULL, fingerprint BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- A shift of a member of staff on a device. The counts are the device's at its start, and its own at its end.
  CREATE TABLE shift (
    id BLOB PRIMARY KEY, device INTEGER NOT NULL, staff INTEGER NOT NULL, started_at INTEGER NOT NULL,
    ended_at INTEGER, scans INTEGER NOT NULL, admitted INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX shift_device ON shift (device) WHERE ended_at IS NULL;
  -- The folded words that a ticket is found by.
  CREATE TABLE search_word (word TEXT NOT NULL, ticket BLOB NOT NULL, PRIMARY KEY (word, ticket)) STRICT, WITHOUT ROWID;
  INSERT INTO sold (type, people) SELECT type, sum(admits) FROM ticket WHERE revoked_at IS NULL GROUP BY type;
  `,
  `
  ALTER TABLE sold ADD COLUMN tickets INTEGER NOT NULL DEFAULT 0;
  INSERT OR REPLACE INTO sold (type, people, tickets)
    SELECT type, sum(admits), count(*) FROM ticket WHERE revoked_at IS NULL GROUP BY type;
  `,
  `
  -- Long pieces of work, what is left of each, and what failed. A chunk may hold personal data until it is done.
  CREATE TABLE job (
    id BLOB PRIMARY KEY, kind TEXT NOT NULL, stage TEXT NOT NULL, parts INTEGER NOT NULL, chunks INTEGER NOT NULL,
    total INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, outcome TEXT NOT NULL, about TEXT NOT NULL,
    stalls INTEGER NOT NULL, created_at INTEGER NOT NULL, moved_at INTEGER NOT NULL, started_at INTEGER,
    finished_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE job_chunk (
    job BLOB NOT NULL, no INTEGER NOT NULL, items INTEGER NOT NULL, tries INTEGER NOT NULL, payload TEXT NOT NULL,
    PRIMARY KEY (job, no)
  ) STRICT;
  CREATE TABLE job_error (
    job BLOB NOT NULL, row INTEGER NOT NULL, field TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (job, row, field)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Other people's formats that are switched on. Their secrets are sealed by the Worker, which alone has the key.
  CREATE TABLE code_format (
    format TEXT PRIMARY KEY, settings TEXT NOT NULL, secret BLOB NOT NULL, previous BLOB, changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- When a ticket was last reissued, in seconds: a code that somebody else signed before that is superseded.
  CREATE TABLE reissue (ticket BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  -- Whose person was erased, when and by whom.
  CREATE TABLE erasure (
    no INTEGER PRIMARY KEY, ticket BLOB NOT NULL UNIQUE, booking INTEGER NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX code_ticket ON code (ticket);
  CREATE INDEX ticket_booking ON ticket (booking) WHERE booking IS NOT NULL;
  `,
  `
  -- What happened beside the log and is worth telling.
  CREATE TABLE notice (no INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, notice TEXT NOT NULL) STRICT;
  CREATE INDEX notice_kind ON notice (kind, at);
  -- Whom to tell, up to which entry and notice that was thought of, and how the endpoint fares.
  CREATE TABLE webhook (
    no INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, kinds TEXT NOT NULL,
    secret BLOB NOT NULL, old_secret BLOB, old_secret_until INTEGER, created_at INTEGER NOT NULL,
    seen_entry INTEGER NOT NULL, seen_notice INTEGER NOT NULL, made INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, failing_since INTEGER, hold_until INTEGER, succeeded_at INTEGER,
    disabled_at INTEGER, disabled_because TEXT
  ) STRICT;
  -- One thing told to one of them. due_at is null when there is nothing more to do.
  CREATE TABLE delivery (
    webhook INTEGER NOT NULL, no INTEGER NOT NULL, kind TEXT NOT NULL, entry INTEGER, notice INTEGER, ticket BLOB,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER, made_at INTEGER NOT NULL, tried_at INTEGER,
    status INTEGER, problem TEXT,
    PRIMARY KEY (webhook, no)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_due ON delivery (webhook, no) WHERE due_at IS NOT NULL;
  CREATE INDEX delivery_failed ON delivery (webhook) WHERE state = 'failed';
  `,
  `
  -- What became of a ticket: its state from each change on, the one before the first change as revision 0. Devices are
  -- told what changed since the revision they know, and a scan judged later is judged by the state of its own time.
  CREATE TABLE ticket_change (
    ticket BLOB NOT NULL, revision INTEGER NOT NULL, at INTEGER NOT NULL, issued_at INTEGER NOT NULL,
    paid INTEGER NOT NULL, blocked_at INTEGER, revoked_at INTEGER, reason TEXT, PRIMARY KEY (ticket, revision)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX ticket_change_revision ON ticket_change (revision);
  -- A ticket's id begins with the millisecond it was made in: one issued later than that was reissued.
  INSERT INTO ticket_change (ticket, revision, at, issued_at, paid, blocked_at, revoked_at, reason)
    SELECT id, 0, 0, CASE WHEN id < unhex(printf('%012X', issued_at * 1000)) THEN 0 ELSE issued_at END,
    paid, blocked_at, revoked_at, reason FROM ticket
    WHERE revoked_at IS NOT NULL OR blocked_at IS NOT NULL OR paid = 0 OR id < unhex(printf('%012X', issued_at * 1000));
  -- Every time at which all were taken to have left a zone; clearing has the last one.
  CREATE TABLE cleared (zone INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (zone, at)) STRICT, WITHOUT ROWID;
  INSERT INTO cleared (zone, at) SELECT zone, at FROM clearing;

  -- What a device said of a scan that it judged alone, as JSON. NULL: it was judged here.
  ALTER TABLE entry ADD COLUMN offline TEXT;
  -- What is judged otherwise than it was shown, derived from a ticket's entries and told again with each sync.
  CREATE TABLE conflict (
    seq INTEGER PRIMARY KEY, ticket BLOB NOT NULL, zone INTEGER NOT NULL, shown TEXT NOT NULL, judged TEXT NOT NULL,
    with_seq INTEGER
  ) STRICT;
  CREATE INDEX conflict_ticket ON conflict (ticket);
  -- Whom a device let in alone with what is no ticket of this event.
  CREATE TABLE stray_admission (
    scan BLOB PRIMARY KEY, reason TEXT NOT NULL, gate INTEGER NOT NULL, device INTEGER, staff INTEGER,
    people INTEGER NOT NULL, scanned_at INTEGER NOT NULL, received_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The strict policy: which device holds a gate's share, and what it has given up of it.
  CREATE TABLE lease (
    gate INTEGER PRIMARY KEY, device INTEGER NOT NULL, generation INTEGER NOT NULL, state TEXT NOT NULL, cursor TEXT
  ) STRICT;
  CREATE TABLE recall (
    gate INTEGER NOT NULL, ticket BLOB NOT NULL, id TEXT NOT NULL, answered INTEGER NOT NULL,
    PRIMARY KEY (gate, ticket)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX recall_id ON recall (id);
  -- How each device is doing, as JSON: when it was last seen, what waits on it.
  CREATE TABLE device_status (device INTEGER PRIMARY KEY, status TEXT NOT NULL) STRICT;
  `,
  `
  -- A device that showed too many codes that were none: until when, and since when.
  CREATE TABLE device_block (device INTEGER PRIMARY KEY, until INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
  `,
  `
  -- What people changed, a line of JSON each, chained. The network it came from stands beside, and is forgotten sooner.
  CREATE TABLE audit (no INTEGER PRIMARY KEY, line TEXT NOT NULL, network TEXT, salt BLOB, chain BLOB NOT NULL) STRICT;
  CREATE INDEX audit_kind ON audit (line->>'$.kind', no);
  CREATE INDEX audit_subject ON audit (line->>'$.subject.id', no);
  CREATE INDEX audit_network ON audit (no) WHERE network IS NOT NULL;
  -- Append-only, whoever writes.
  CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER audit_holds BEFORE UPDATE OF no, line, chain ON audit
    BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
  `,
  `
  -- Conflicts that somebody has dealt with: of an entry of the log by its number, of a stray admission by its scan.
  CREATE TABLE handled_conflict (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL, note TEXT
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Of a device's codes that were none, those that count no more since it was let go on. The trail keeps them.
  ALTER TABLE invalid_code ADD COLUMN pardoned INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- The key with which a device showed at its enrolment that it can sign; from then on it must. public_key is what it said.
  ALTER TABLE device ADD COLUMN signing_key TEXT;
  -- Device tokens that succeed each other, by their SHA-256. device has the one that was used last.
  CREATE TABLE device_token (
    hash BLOB PRIMARY KEY, device INTEGER NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER, ended_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX device_token_device ON device_token (device);
  `,
  `
  -- How many tickets of each type and status there are, so that nobody has to count a million. Triggers keep it, whoever
  -- writes: a Gatekeeper of yesterday does not know of it.
  CREATE TABLE ticket_count (
    type INTEGER NOT NULL, status TEXT NOT NULL, tickets INTEGER NOT NULL, PRIMARY KEY (type, status)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO ticket_count (type, status, tickets)
    SELECT type, ${statusOf('ticket')}, count(*) FROM ticket GROUP BY 1, 2;
  CREATE TRIGGER ticket_counted AFTER INSERT ON ticket BEGIN ${count('NEW', 1)}; END;
  CREATE TRIGGER ticket_uncounted AFTER DELETE ON ticket BEGIN ${count('OLD', -1)}; END;
  CREATE TRIGGER ticket_recounted AFTER UPDATE OF type, paid, blocked_at, revoked_at ON ticket
    BEGIN ${count('OLD', -1)}; ${count('NEW', 1)}; END;
  `,
  `
  -- The entry with which a conflict came to be what it is: an annulment, say, may come long after the two scans. 0: of a
  -- Gatekeeper that did not note it.
  ALTER TABLE conflict ADD COLUMN brought_by INTEGER NOT NULL DEFAULT 0;
  `,
]

/** Whether this object belongs to an event yet. Asking writes nothing, so a wrong event id leaves no trace. */
export function isBorn(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'meta'").toArray().length > 0
}

/** Takes the schema from whatever version it has to the newest, or to `target`. The caller holds the transaction. */
export function migrate(sql: SqlStorage, target: number = steps.length): void {
  const version = isBorn(sql)
    ? Number(sql.exec("SELECT value FROM meta WHERE key = 'schema'").toArray()[0]?.value ?? 0)
    : 0
  for (const step of steps.slice(version, target)) sql.exec(step)
  if (version < target) sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)", target)
}
