-- An annulment is an entry of its own and names the admission that it takes back; that admission says when.
ALTER TABLE entry ADD COLUMN annuls INTEGER;
ALTER TABLE entry ADD COLUMN annulled_at INTEGER;
