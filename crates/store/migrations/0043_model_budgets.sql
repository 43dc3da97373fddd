-- What a key, user or team may spend on one model. Written with the owner's row; what was spent is in `running_totals`,
-- and from when on it counts in `budget_windows`, both under this kind, the owner as `within` and the model as `id`.
CREATE TABLE model_budgets (
    owner    TEXT   NOT NULL,
    -- `key_model`, `user_model` or `team_model`.
    kind     TEXT   NOT NULL,
    -- As clients ask for it.
    model    TEXT   NOT NULL,
    max_nano BIGINT NOT NULL,
    -- Empty is for ever.
    duration TEXT,
    PRIMARY KEY (owner, kind, model)
);
