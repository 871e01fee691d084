-- The event that this one is a rehearsal of, as 16 bytes. Rehearsals are in no list and no measurement of the real ones.
ALTER TABLE event ADD COLUMN rehearsal_of BLOB;
CREATE INDEX event_rehearsal_of ON event (rehearsal_of, created_at) WHERE rehearsal_of IS NOT NULL;
