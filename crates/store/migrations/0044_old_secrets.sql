-- Secrets that a key had and that still open it, to their end.
CREATE TABLE old_secrets (
    hash     TEXT   NOT NULL PRIMARY KEY,
    -- The key's hash now.
    key_hash TEXT   NOT NULL,
    -- The first moment at which it opens nothing.
    ends_at  BIGINT NOT NULL
);
CREATE INDEX old_secrets_key ON old_secrets (key_hash);
CREATE INDEX old_secrets_ends ON old_secrets (ends_at);
