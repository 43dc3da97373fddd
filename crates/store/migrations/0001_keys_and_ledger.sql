-- One text for SQLite and Postgres: TEXT, BIGINT, JSON as TEXT, times in microseconds since 1970 (UTC),
-- money in nano-dollars, booleans as 0 or 1.

CREATE TABLE keys (
    hash             TEXT   NOT NULL PRIMARY KEY,
    name             TEXT   NOT NULL,
    alias            TEXT   UNIQUE,
    user_id          TEXT,
    team_id          TEXT,
    organization_id  TEXT,
    models           TEXT   NOT NULL,
    aliases          TEXT   NOT NULL,
    metadata         TEXT   NOT NULL,
    max_budget_nano  BIGINT,
    spend_nano       BIGINT NOT NULL,
    spend_changed_at BIGINT NOT NULL,
    blocked          BIGINT NOT NULL,
    expires_at       BIGINT,
    created_at       BIGINT NOT NULL,
    created_by       TEXT,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT,
    extra            TEXT   NOT NULL
);
CREATE INDEX keys_user ON keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX keys_team ON keys (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX keys_budgeted_spend ON keys (spend_changed_at) WHERE max_budget_nano IS NOT NULL;

-- What deleted keys were, so that past spend keeps its names.
CREATE TABLE deleted_keys (
    hash             TEXT   NOT NULL PRIMARY KEY,
    name             TEXT   NOT NULL,
    alias            TEXT,
    user_id          TEXT,
    team_id          TEXT,
    organization_id  TEXT,
    models           TEXT   NOT NULL,
    aliases          TEXT   NOT NULL,
    metadata         TEXT   NOT NULL,
    max_budget_nano  BIGINT,
    spend_nano       BIGINT NOT NULL,
    blocked          BIGINT NOT NULL,
    expires_at       BIGINT,
    created_at       BIGINT NOT NULL,
    created_by       TEXT,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT,
    extra            TEXT   NOT NULL,
    deleted_at       BIGINT NOT NULL,
    deleted_by       TEXT,
    -- The hash that took its place when it got a new secret: late spend goes there.
    replaced_by      TEXT
);

-- One row whose lock, held to commit, makes sequence numbers commit in their own order.
CREATE TABLE policy_clock (
    id  BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO policy_clock (id, seq) VALUES (1, 0);

CREATE TABLE policy_changes (
    seq        BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    key_hash   TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    changed_by TEXT
);

-- The same for shipped spend: `at` never repeats and never goes back, whatever the gateways' clocks say.
CREATE TABLE ledger_clock (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
);
INSERT INTO ledger_clock (id, at) VALUES (1, 0);

CREATE TABLE usage_events (
    id                    TEXT   NOT NULL PRIMARY KEY,
    call_id               TEXT   NOT NULL,
    started_at            BIGINT NOT NULL,
    ended_at              BIGINT NOT NULL,
    first_byte_at         BIGINT,
    api_key               TEXT   NOT NULL,
    key_alias             TEXT,
    user_id               TEXT,
    team_id               TEXT,
    organization_id       TEXT,
    customer              TEXT,
    tags                  TEXT   NOT NULL,
    dialect               TEXT   NOT NULL,
    stream                BIGINT NOT NULL,
    model_group           TEXT   NOT NULL,
    model                 TEXT   NOT NULL,
    provider              TEXT   NOT NULL,
    deployment_id         TEXT   NOT NULL,
    api_base              TEXT   NOT NULL,
    estimate_nano         BIGINT NOT NULL,
    session_id            TEXT,
    requester_ip          TEXT,
    user_agent            TEXT,
    status                TEXT   NOT NULL,
    http_status           BIGINT NOT NULL,
    input_tokens          BIGINT NOT NULL,
    output_tokens         BIGINT NOT NULL,
    cache_read_tokens     BIGINT,
    cache_write_tokens    BIGINT,
    cache_write_1h_tokens BIGINT,
    reasoning_tokens      BIGINT,
    audio_input_tokens    BIGINT,
    audio_output_tokens   BIGINT,
    usage_estimated       BIGINT NOT NULL,
    cost_nano             BIGINT NOT NULL,
    price_version         TEXT   NOT NULL,
    response_id           TEXT,
    error                 TEXT
);
CREATE INDEX usage_events_started ON usage_events (started_at);
CREATE INDEX usage_events_key ON usage_events (api_key, started_at);
CREATE INDEX usage_events_user ON usage_events (user_id, started_at) WHERE user_id IS NOT NULL;
CREATE INDEX usage_events_call ON usage_events (call_id);
CREATE INDEX usage_events_response ON usage_events (response_id) WHERE response_id IS NOT NULL;

-- Each combination of what usage is grouped by, once; roll-ups name it by number.
CREATE TABLE usage_dimensions (
    id              BIGINT NOT NULL PRIMARY KEY,
    api_key         TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    team_id         TEXT   NOT NULL,
    organization_id TEXT   NOT NULL,
    model_group     TEXT   NOT NULL,
    model           TEXT   NOT NULL,
    provider        TEXT   NOT NULL,
    deployment_id   TEXT   NOT NULL,
    UNIQUE (api_key, user_id, team_id, organization_id, model_group, model, provider, deployment_id)
);

-- `quarter` is the start of the call in quarter-hours since 1970: every time zone's day is a whole number of them.
CREATE TABLE usage_quarter_hours (
    quarter            BIGINT NOT NULL,
    dimension          BIGINT NOT NULL REFERENCES usage_dimensions (id),
    requests           BIGINT NOT NULL,
    failures           BIGINT NOT NULL,
    refusals           BIGINT NOT NULL,
    cancellations      BIGINT NOT NULL,
    input_tokens       BIGINT NOT NULL,
    output_tokens      BIGINT NOT NULL,
    cache_read_tokens  BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens   BIGINT NOT NULL,
    cost_nano          BIGINT NOT NULL,
    duration_micros    BIGINT NOT NULL,
    PRIMARY KEY (quarter, dimension)
);
CREATE INDEX usage_quarter_hours_dimension ON usage_quarter_hours (dimension, quarter);

-- A histogram of how long calls took; `bucket` grows with the logarithm of the time.
CREATE TABLE latency_quarter_hours (
    quarter  BIGINT NOT NULL,
    bucket   BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (quarter, bucket)
);

-- Dashboard sign-ins; the token itself is only in the browser's cookie.
CREATE TABLE sessions (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);
