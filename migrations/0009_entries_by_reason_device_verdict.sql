-- Lists that are asked for something rare must not read a whole log to find little or nothing of it. Admissions have no
-- reason and are most of a log, so that two of these hold a fraction of it.
CREATE INDEX entry_code_time ON entry (event, code, scanned_at) WHERE code IS NOT NULL;
CREATE INDEX entry_verdict_time ON entry (event, verdict, scanned_at) WHERE verdict <> 'admitted';
CREATE INDEX entry_device_time ON entry (event, device, scanned_at);
-- The reason's index has the duplicates in it.
DROP INDEX entry_duplicate_time;
