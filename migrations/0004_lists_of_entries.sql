-- The admission that a duplicate repeats, by its number in the same event's log. Entries from before this have none.
ALTER TABLE entry ADD COLUMN admission INTEGER;
-- With the time in it, a ticket's entries come in order, and SQLite sees without statistics that this is the way.
CREATE INDEX entry_ticket_time ON entry (event, ticket, scanned_at);
DROP INDEX entry_ticket;
