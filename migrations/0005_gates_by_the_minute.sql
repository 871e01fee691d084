-- What each gate had by the minute, for curves in which gates are stacked: from here on the outbox writes it with the
-- other tallies, and this adds up what there is. An admission that was taken back counts as a scan and for nobody.
INSERT INTO tally (event, scope, key, at, outcome, scans, people, first_at, last_at)
  SELECT event, 'gate-minute', gate, scanned_at / 60000 * 60000 AS minute, ifnull(code, verdict) AS outcome, count(*),
    sum(CASE WHEN annulled_at IS NULL THEN people ELSE 0 END), min(scanned_at), max(scanned_at)
  FROM entry WHERE gate <> '' AND verdict IN ('admitted', 'exited', 'visited', 'refused')
  GROUP BY event, gate, minute, outcome
  ON CONFLICT DO NOTHING;
