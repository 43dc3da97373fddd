-- Settings that management changes while the product runs: a JSON object under each name.
CREATE TABLE documents (
    name       TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT   NOT NULL
);
