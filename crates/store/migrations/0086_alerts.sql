-- What somebody is told of budgets.

-- Which budgets of an owner are crossed, so that each crossing of each window is told once, whatever number of backends
-- looks. Each column is the end of the window in which it is crossed, and 0 for one that is not. Owners are named as in
-- `budget_windows`.
CREATE TABLE budget_crossings (
    kind    TEXT   NOT NULL,
    within  TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    soft_in BIGINT NOT NULL,
    near_in BIGINT NOT NULL,
    over_in BIGINT NOT NULL,
    PRIMARY KEY (kind, within, id)
);

-- One for each crossing and channel, written with the crossing itself.
CREATE TABLE alerts (
    id       TEXT   NOT NULL,
    channel  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    -- JSON: whose budget, and what of it is spent.
    body     TEXT   NOT NULL,
    -- `waiting`, `sent` or `failed`.
    state    TEXT   NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it may be tried next. Whoever tries moves it first, so that nobody else does meanwhile.
    due_at   BIGINT NOT NULL,
    error    TEXT,
    PRIMARY KEY (id, channel)
);
CREATE INDEX alerts_due ON alerts (state, due_at);
CREATE INDEX alerts_at ON alerts (at);
