-- How many keys there are, out of an index of less than a megabyte. It does what `keys_team` did as well.
DROP INDEX keys_team;
CREATE INDEX keys_counted ON keys (team_id, blocked, expires_at);

-- What keys are searched by, in lower case. Apart from the keys: their rows move with every batch of the ledger, and the
-- index that makes searches quick would move with them. Filled by `store/src/migrate.rs`.
CREATE TABLE key_search (
    hash TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
);
