-- Usage by quarter-hour, UTC day and UTC month. Cheap: the tables are new; what was rolled up so far moves once.

-- Who usage is counted for, each combination once. '' stands for nobody, and for whoever it is.
CREATE TABLE usage_who (
    id              BIGINT NOT NULL PRIMARY KEY,
    api_key         TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    team_id         TEXT   NOT NULL,
    organization_id TEXT   NOT NULL,
    customer        TEXT   NOT NULL,
    tag             TEXT   NOT NULL,
    UNIQUE (api_key, user_id, team_id, organization_id, customer, tag)
);

-- What was used, each combination once.
CREATE TABLE usage_what (
    id            BIGINT NOT NULL PRIMARY KEY,
    model_group   TEXT   NOT NULL,
    model         TEXT   NOT NULL,
    provider      TEXT   NOT NULL,
    deployment_id TEXT   NOT NULL,
    endpoint      TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    UNIQUE (model_group, model, provider, deployment_id, endpoint, status)
);

-- `level` tells what a cell sums up (see the `usage` module); `who` and `what` are 0 where it is about all of them.
-- `at` counts quarter-hours, days or months since 1970.
CREATE TABLE usage_quarters (
    level              BIGINT NOT NULL,
    at                 BIGINT NOT NULL,
    who                BIGINT NOT NULL,
    what               BIGINT NOT NULL,
    requests           BIGINT NOT NULL,
    attempts           BIGINT NOT NULL,
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
    PRIMARY KEY (level, at, who, what)
);
CREATE INDEX usage_quarters_who ON usage_quarters (who, level, at);

CREATE TABLE usage_days (
    level              BIGINT NOT NULL,
    at                 BIGINT NOT NULL,
    who                BIGINT NOT NULL,
    what               BIGINT NOT NULL,
    requests           BIGINT NOT NULL,
    attempts           BIGINT NOT NULL,
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
    PRIMARY KEY (level, at, who, what)
);
CREATE INDEX usage_days_who ON usage_days (who, level, at);

CREATE TABLE usage_months (
    level              BIGINT NOT NULL,
    at                 BIGINT NOT NULL,
    who                BIGINT NOT NULL,
    what               BIGINT NOT NULL,
    requests           BIGINT NOT NULL,
    attempts           BIGINT NOT NULL,
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
    PRIMARY KEY (level, at, who, what)
);
CREATE INDEX usage_months_who ON usage_months (who, level, at);

-- Histograms of how long calls took (kind 0) and until their first byte (kind 1); `bucket` grows with the logarithm.
CREATE TABLE latency_quarters (
    level    BIGINT NOT NULL,
    kind     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    who      BIGINT NOT NULL,
    what     BIGINT NOT NULL,
    bucket   BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (level, kind, at, who, what, bucket)
);
CREATE INDEX latency_quarters_who ON latency_quarters (who, level, kind, at);

CREATE TABLE latency_days (
    level    BIGINT NOT NULL,
    kind     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    who      BIGINT NOT NULL,
    what     BIGINT NOT NULL,
    bucket   BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (level, kind, at, who, what, bucket)
);
CREATE INDEX latency_days_who ON latency_days (who, level, kind, at);

CREATE TABLE latency_months (
    level    BIGINT NOT NULL,
    kind     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    who      BIGINT NOT NULL,
    what     BIGINT NOT NULL,
    bucket   BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (level, kind, at, who, what, bucket)
);
CREATE INDEX latency_months_who ON latency_months (who, level, kind, at);

-- The quarter-hour before which days and months hold what the quarter-hours do.
ALTER TABLE ledger_clock ADD COLUMN folded_until BIGINT NOT NULL DEFAULT 0;
-- The quarter-hour from which on quarter-hours are kept: the start of a day.
ALTER TABLE ledger_clock ADD COLUMN kept_since BIGINT NOT NULL DEFAULT 0;

-- What was counted so far, by key and model; its customers, tags, endpoints and statuses were not.
INSERT INTO usage_who (id, api_key, user_id, team_id, organization_id, customer, tag)
SELECT ROW_NUMBER() OVER (ORDER BY api_key, user_id, team_id, organization_id),
    api_key, user_id, team_id, organization_id, '', ''
FROM (SELECT api_key, user_id, team_id, organization_id FROM usage_dimensions
      UNION SELECT '', '', team_id, organization_id FROM usage_dimensions) AS who;

INSERT INTO usage_what (id, model_group, model, provider, deployment_id, endpoint, status)
SELECT ROW_NUMBER() OVER (ORDER BY model_group, model, provider, deployment_id),
    model_group, model, provider, deployment_id, '', ''
FROM (SELECT DISTINCT model_group, model, provider, deployment_id FROM usage_dimensions) AS what;

INSERT INTO usage_quarters (level, at, who, what, requests, attempts, failures, refusals, cancellations, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, cost_nano, duration_micros)
SELECT l.level, u.quarter, CASE l.level WHEN 0 THEN 0 WHEN 1 THEN t.id ELSE k.id END,
    CASE l.level WHEN 2 THEN 0 ELSE w.id END,
    CAST(SUM(u.requests) AS BIGINT), CAST(SUM(u.attempts) AS BIGINT), CAST(SUM(u.failures) AS BIGINT),
    CAST(SUM(u.refusals) AS BIGINT), CAST(SUM(u.cancellations) AS BIGINT), CAST(SUM(u.input_tokens) AS BIGINT),
    CAST(SUM(u.output_tokens) AS BIGINT), CAST(SUM(u.cache_read_tokens) AS BIGINT),
    CAST(SUM(u.cache_write_tokens) AS BIGINT), CAST(SUM(u.reasoning_tokens) AS BIGINT),
    CAST(SUM(u.cost_nano) AS BIGINT), CAST(SUM(u.duration_micros) AS BIGINT)
FROM usage_quarter_hours u
JOIN usage_dimensions d ON d.id = u.dimension
JOIN usage_who k ON k.api_key = d.api_key AND k.user_id = d.user_id AND k.team_id = d.team_id
    AND k.organization_id = d.organization_id
JOIN usage_who t ON t.api_key = '' AND t.user_id = '' AND t.team_id = d.team_id
    AND t.organization_id = d.organization_id
JOIN usage_what w ON w.model_group = d.model_group AND w.model = d.model AND w.provider = d.provider
    AND w.deployment_id = d.deployment_id
CROSS JOIN (SELECT 0 AS level UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS l
GROUP BY 1, 2, 3, 4;

INSERT INTO latency_quarters (level, kind, at, who, what, bucket, requests)
SELECT 0, 0, quarter, 0, 0, bucket, requests FROM latency_quarter_hours;

DROP TABLE usage_quarter_hours;
DROP TABLE usage_dimensions;
DROP TABLE latency_quarter_hours;
