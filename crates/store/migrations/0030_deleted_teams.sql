-- What deleted teams were, so that past spend keeps its names.
CREATE TABLE deleted_teams (
    id                    TEXT   NOT NULL PRIMARY KEY,
    alias                 TEXT,
    organization_id       TEXT,
    models                TEXT   NOT NULL,
    model_aliases         TEXT   NOT NULL,
    metadata              TEXT   NOT NULL,
    max_budget_nano       BIGINT,
    soft_budget_nano      BIGINT,
    budget_duration       TEXT,
    budget_limits         TEXT   NOT NULL,
    max_parallel_requests BIGINT,
    tpm_limit             BIGINT,
    rpm_limit             BIGINT,
    tpd_limit             BIGINT,
    model_max_budget      TEXT   NOT NULL,
    member_budget_id      TEXT,
    blocked               BIGINT NOT NULL,
    extra                 TEXT   NOT NULL,
    created_at            BIGINT NOT NULL,
    created_by            TEXT,
    updated_at            BIGINT NOT NULL,
    updated_by            TEXT,
    deleted_at            BIGINT NOT NULL,
    deleted_by            TEXT
);
CREATE INDEX deleted_teams_deleted ON deleted_teams (deleted_at);

CREATE INDEX teams_alias ON teams (alias) WHERE alias IS NOT NULL;
CREATE INDEX teams_member_budget ON teams (member_budget_id) WHERE member_budget_id IS NOT NULL;
