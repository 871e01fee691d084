-- Who may sign in through Cloudflare Access, by the address that it vouches for, folded as the Worker compares it.
CREATE TABLE member (
  id BLOB PRIMARY KEY,
  organisation BLOB NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX member_email ON member (email, organisation);
CREATE INDEX member_organisation ON member (organisation, id);
