-- What a user has beside `max_budget_nano` and `budget_duration`; all of them are written out of `extra`, for gateways.
ALTER TABLE users ADD COLUMN soft_budget_nano BIGINT;
ALTER TABLE users ADD COLUMN budget_limits TEXT NOT NULL DEFAULT '[]';
