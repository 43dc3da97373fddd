-- People. What a user spent is in `running_totals`; `spend_base_nano` is what of it no longer counts.
CREATE TABLE users (
    id              TEXT   NOT NULL PRIMARY KEY,
    email           TEXT,
    -- The email in lower case: one address is one user.
    email_key       TEXT   UNIQUE,
    alias           TEXT,
    role            TEXT   NOT NULL,
    sso_id          TEXT   UNIQUE,
    -- Argon2id in the PHC form; never shown.
    password_hash   TEXT,
    models          TEXT   NOT NULL,
    metadata        TEXT   NOT NULL,
    max_budget_nano BIGINT,
    spend_base_nano BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT,
    updated_at      BIGINT NOT NULL,
    updated_by      TEXT,
    extra           TEXT   NOT NULL
);
CREATE INDEX users_created ON users (created_at);
CREATE INDEX sessions_user ON sessions (user_id);
