/*
 * Writes a log and its sums into D1 as the outbox would have, some 50,000 entries a second: an evening of twelve hours over
 * many gates, of which most scans let somebody in.
 */

const AT_ONCE = 50_000

/** Writes `entries` entries of an event from `start` on, in milliseconds since 1970, over gates `G1` … and staff `S1` … */
export async function fillLog(
  db: D1Database,
  eventId: string,
  { entries, gates, start }: { entries: number; gates: number; start: number },
): Promise<void> {
  const event = eventId.replaceAll('-', '')
  const stepMs = (12 * 3_600_000) / entries
  for (let from = 0; from < entries; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, entries - from)
    await db.prepare(insertEntries).bind(event, from, count, gates, start, stepMs).run()
  }
  const sums = [
    ['event', "''", 60_000],
    ['gate', 'gate', 900_000],
    ['gate-minute', 'gate', 60_000],
    ['staff', 'staff', 900_000],
  ] as const
  for (const [scope, key, size] of sums)
    await db
      .prepare(addUp(scope, key, size))
      .bind(event)
      .run()
  for (const scope of ['gate', 'staff']) await db.prepare(addUpLatencies(scope)).bind(event).run()
}

// Of a hundred scans some 80 let somebody in, and the others are what a door sees besides. D1 binds every number as a
// real one, and a gate would be called G7.0.
const insertEntries = `WITH RECURSIVE n(i) AS (SELECT CAST(?2 AS INTEGER) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?3),
  scan AS (SELECT i, abs(i * 2654435761) / 7 % 100 AS dice, abs(i * 40503) / 3 % CAST(?4 AS INTEGER) AS place FROM n),
  told AS (SELECT *, CASE WHEN dice < 80 THEN 'admitted' WHEN dice < 86 THEN 'exited' ELSE 'refused' END AS verdict,
    CASE WHEN dice < 86 THEN NULL WHEN dice < 93 THEN 'already_admitted' WHEN dice < 96 THEN 'wrong_gate' WHEN dice < 98
    THEN 'unknown' ELSE 'unpaid' END AS code, CAST(?5 + i * ?6 AS INTEGER) AS at FROM scan)
  INSERT INTO entry (event, epoch, seq, scan, ticket, type, gate, zone, device, staff, direction, people, verdict, code,
  attempt, forced, offline, inside_change, scanned_at, received_at, validation_ms, admission)
  SELECT unhex(?1), 1, i, randomblob(16), randomblob(16), 'standard', 'G' || (1 + place), 'main',
  'scanner-' || place, 'S' || (1 + place), 'entry', 1, verdict, code,
  iif(code = 'already_admitted', 2, NULL), 0, 0, verdict = 'admitted', at, at + 3, 1 + i % 50 / 10.0,
  iif(code = 'already_admitted', max(1, i - 1000), NULL) FROM told`

const addUp = (scope: string, key: string, size: number) =>
  `INSERT INTO tally (event, scope, key, at, outcome, scans, people, first_at, last_at)
  SELECT event, '${scope}', ${key} AS of, scanned_at / ${size} * ${size} AS bucket, ifnull(code, verdict) AS outcome,
  count(*), sum(people), min(scanned_at), max(scanned_at) FROM entry WHERE event = unhex(?1)
  GROUP BY of, bucket, outcome`

const addUpLatencies = (scope: string) =>
  `INSERT INTO latency_tally (event, scope, key, bucket, scans)
  SELECT event, '${scope}', ${scope}, CAST(round(ln(validation_ms) / ln(1.05)) AS INTEGER) AS bucket, count(*)
  FROM entry WHERE event = unhex(?1) GROUP BY ${scope}, bucket`
