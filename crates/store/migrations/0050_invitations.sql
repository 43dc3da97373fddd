-- Links with which users set their own passwords. A link is stored as the SHA-256 of what it carries.
CREATE TABLE invitations (
    id_hash          TEXT   NOT NULL PRIMARY KEY,
    -- One at a time: a new one ends the one before.
    user_id          TEXT   NOT NULL UNIQUE REFERENCES users (id),
    accepted_at      BIGINT,
    expires_at       BIGINT NOT NULL,
    -- SHA-256 of what the page that the link opens sends along, and until when it may.
    token_hash       TEXT,
    token_expires_at BIGINT,
    created_at       BIGINT NOT NULL,
    created_by       TEXT   NOT NULL,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT   NOT NULL
);
