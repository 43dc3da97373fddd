-- Those that keys answer to, and what they may spend. Each may have limits of its own or share a budget. What
-- was spent is in `running_totals` (and `keys.spend_nano`); `budget_windows` says what of it counts.

CREATE TABLE budgets (
    id                    TEXT   NOT NULL PRIMARY KEY,
    max_budget_nano       BIGINT,
    soft_budget_nano      BIGINT,
    -- As the compatible surface writes it: `30d`, `1mo`, `daily`.
    budget_duration       TEXT,
    max_parallel_requests BIGINT,
    tpm_limit             BIGINT,
    rpm_limit             BIGINT,
    tpd_limit             BIGINT,
    -- JSON: model → what of it may be spent, and in which time.
    model_max_budget      TEXT   NOT NULL,
    extra                 TEXT   NOT NULL,
    created_at            BIGINT NOT NULL,
    created_by            TEXT,
    updated_at            BIGINT NOT NULL,
    updated_by            TEXT
);

CREATE TABLE organizations (
    id         TEXT   NOT NULL PRIMARY KEY,
    alias      TEXT   NOT NULL,
    budget_id  TEXT   NOT NULL REFERENCES budgets (id),
    models     TEXT   NOT NULL,
    metadata   TEXT   NOT NULL,
    blocked    BIGINT NOT NULL,
    extra      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT
);
CREATE INDEX organizations_budget ON organizations (budget_id);

CREATE TABLE organization_members (
    organization_id TEXT   NOT NULL REFERENCES organizations (id),
    user_id         TEXT   NOT NULL,
    role            TEXT   NOT NULL,
    budget_id       TEXT   REFERENCES budgets (id),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user ON organization_members (user_id);
CREATE INDEX organization_members_budget ON organization_members (budget_id) WHERE budget_id IS NOT NULL;

CREATE TABLE teams (
    id                    TEXT   NOT NULL PRIMARY KEY,
    alias                 TEXT,
    organization_id       TEXT   REFERENCES organizations (id),
    -- Empty means every model.
    models                TEXT   NOT NULL,
    -- JSON: name that a request uses → model.
    model_aliases         TEXT   NOT NULL,
    metadata              TEXT   NOT NULL,
    max_budget_nano       BIGINT,
    soft_budget_nano      BIGINT,
    budget_duration       TEXT,
    -- JSON: several budgets at once, each with its own time.
    budget_limits         TEXT   NOT NULL,
    max_parallel_requests BIGINT,
    tpm_limit             BIGINT,
    rpm_limit             BIGINT,
    tpd_limit             BIGINT,
    model_max_budget      TEXT   NOT NULL,
    -- What members have who were given no budget of their own.
    member_budget_id      TEXT   REFERENCES budgets (id),
    blocked               BIGINT NOT NULL,
    extra                 TEXT   NOT NULL,
    created_at            BIGINT NOT NULL,
    created_by            TEXT,
    updated_at            BIGINT NOT NULL,
    updated_by            TEXT
);
CREATE INDEX teams_organization ON teams (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX teams_created ON teams (created_at, id);

CREATE TABLE team_members (
    team_id        TEXT   NOT NULL REFERENCES teams (id),
    user_id        TEXT   NOT NULL,
    -- `admin` or `user`.
    role           TEXT   NOT NULL,
    budget_id      TEXT   REFERENCES budgets (id),
    -- Empty means every model of the team.
    allowed_models TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);
CREATE INDEX team_members_budget ON team_members (budget_id) WHERE budget_id IS NOT NULL;

CREATE TABLE projects (
    id          TEXT   NOT NULL PRIMARY KEY,
    alias       TEXT,
    description TEXT,
    team_id     TEXT   REFERENCES teams (id),
    budget_id   TEXT   REFERENCES budgets (id),
    models      TEXT   NOT NULL,
    metadata    TEXT   NOT NULL,
    blocked     BIGINT NOT NULL,
    extra       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    created_by  TEXT,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT
);
CREATE INDEX projects_team ON projects (team_id) WHERE team_id IS NOT NULL;

-- End users of the product.
CREATE TABLE customers (
    id                   TEXT   NOT NULL PRIMARY KEY,
    alias                TEXT,
    budget_id            TEXT   REFERENCES budgets (id),
    models               TEXT   NOT NULL,
    allowed_model_region TEXT,
    default_model        TEXT,
    blocked              BIGINT NOT NULL,
    extra                TEXT   NOT NULL,
    created_at           BIGINT NOT NULL,
    created_by           TEXT,
    updated_at           BIGINT NOT NULL,
    updated_by           TEXT
);
CREATE INDEX customers_budget ON customers (budget_id) WHERE budget_id IS NOT NULL;

CREATE TABLE tags (
    name        TEXT   NOT NULL PRIMARY KEY,
    description TEXT,
    models      TEXT   NOT NULL,
    model_info  TEXT   NOT NULL,
    budget_id   TEXT   REFERENCES budgets (id),
    created_at  BIGINT NOT NULL,
    created_by  TEXT,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT
);
CREATE INDEX tags_budget ON tags (budget_id) WHERE budget_id IS NOT NULL;

-- Keys and users have what the others have.
ALTER TABLE keys ADD COLUMN budget_id TEXT REFERENCES budgets (id);
ALTER TABLE keys ADD COLUMN project_id TEXT;
ALTER TABLE keys ADD COLUMN budget_duration TEXT;
ALTER TABLE users ADD COLUMN budget_duration TEXT;
CREATE INDEX keys_budget ON keys (budget_id) WHERE budget_id IS NOT NULL;
CREATE INDEX keys_organization ON keys (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX keys_project ON keys (project_id) WHERE project_id IS NOT NULL;

-- The time in which spend counts against a budget that has one. Named as in `running_totals`, and `key` with the
-- hash. Spend in the window is the running total less `base_nano`; a call belongs to the window in which it began.
CREATE TABLE budget_windows (
    kind      TEXT   NOT NULL,
    within    TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    -- One object may have budgets over several times.
    duration  TEXT   NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    base_nano BIGINT NOT NULL,
    PRIMARY KEY (kind, within, id, duration)
);
CREATE INDEX budget_windows_ends ON budget_windows (ends_at);
CREATE INDEX budget_windows_starts ON budget_windows (starts_at);

-- A change is of a key, or of what is named here as in `budget_windows` (and `budget`).
ALTER TABLE policy_changes ADD COLUMN kind TEXT NOT NULL DEFAULT 'key';
ALTER TABLE policy_changes ADD COLUMN within TEXT NOT NULL DEFAULT '';
