-- When the event's Gatekeeper is to forget something next, for the sweep.
ALTER TABLE event ADD COLUMN forget_at INTEGER;
CREATE INDEX event_forget_at ON event (forget_at) WHERE forget_at IS NOT NULL;
