-- Answers of creations to which a client gave a name (`Idempotency-Key`). The id is a digest of caller, route and name;
-- what is sealed is text of `store/src/vault.rs`.
CREATE TABLE receipts (
    id     TEXT   NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    sealed TEXT   NOT NULL
);
CREATE INDEX receipts_at ON receipts (at);
