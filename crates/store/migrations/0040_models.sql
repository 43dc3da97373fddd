-- What is sealed is text of `store/src/vault.rs`: a JSON object, under the house's key.
CREATE TABLE credentials (
    name         TEXT   NOT NULL PRIMARY KEY,
    id           TEXT   NOT NULL UNIQUE,
    display_name TEXT,
    info         TEXT   NOT NULL,
    sealed       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT
);

-- Deployments beside those of the configuration. What is searched for stands beside what is sealed.
CREATE TABLE models (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    info            TEXT   NOT NULL,
    team_id         TEXT,
    credential_name TEXT,
    sealed          TEXT   NOT NULL,
    blocked         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT,
    updated_at      BIGINT NOT NULL,
    updated_by      TEXT
);
CREATE INDEX models_team ON models (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX models_credential ON models (credential_name) WHERE credential_name IS NOT NULL;
