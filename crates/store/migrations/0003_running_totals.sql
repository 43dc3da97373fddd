-- What each user, team, member of a team, organisation, customer, tag and model has come to, ever. A key's
-- running total is `keys.spend_nano`. Moved in the transaction that inserts the events, for new ones alone.
CREATE TABLE running_totals (
    kind          TEXT   NOT NULL,
    -- The team of a member; empty for the rest.
    within        TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    requests      BIGINT NOT NULL,
    input_tokens  BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    spend_nano    BIGINT NOT NULL,
    -- By the ledger's clock.
    changed_at    BIGINT NOT NULL,
    PRIMARY KEY (kind, within, id)
);

-- What is known of the past; tags begin now.
INSERT INTO running_totals
SELECT 'user', '', d.user_id, SUM(u.requests), SUM(u.input_tokens), SUM(u.output_tokens), SUM(u.cost_nano), 0
FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension WHERE d.user_id <> '' GROUP BY d.user_id;
INSERT INTO running_totals
SELECT 'team', '', d.team_id, SUM(u.requests), SUM(u.input_tokens), SUM(u.output_tokens), SUM(u.cost_nano), 0
FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension WHERE d.team_id <> '' GROUP BY d.team_id;
INSERT INTO running_totals
SELECT 'member', d.team_id, d.user_id, SUM(u.requests), SUM(u.input_tokens), SUM(u.output_tokens), SUM(u.cost_nano), 0
FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension
WHERE d.team_id <> '' AND d.user_id <> '' GROUP BY d.team_id, d.user_id;
INSERT INTO running_totals
SELECT 'organization', '', d.organization_id, SUM(u.requests), SUM(u.input_tokens), SUM(u.output_tokens), SUM(u.cost_nano), 0
FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension
WHERE d.organization_id <> '' GROUP BY d.organization_id;
INSERT INTO running_totals
SELECT 'model', '', d.model, SUM(u.requests), SUM(u.input_tokens), SUM(u.output_tokens), SUM(u.cost_nano), 0
FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension
WHERE d.deployment_id <> '' GROUP BY d.model;
INSERT INTO running_totals
SELECT 'customer', '', e.customer, SUM(1 - e.superseded), SUM(e.input_tokens), SUM(e.output_tokens), SUM(e.cost_nano), 0
FROM usage_events e WHERE e.customer <> '' GROUP BY e.customer;
