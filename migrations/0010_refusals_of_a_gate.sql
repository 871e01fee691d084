-- The duplicates of one gate, and whatever else it refused, without reading all that it let in.
CREATE INDEX entry_gate_code_time ON entry (event, gate, code, scanned_at) WHERE code IS NOT NULL;
