-- For a time a budget is larger.
ALTER TABLE budgets ADD COLUMN raise_nano BIGINT;
ALTER TABLE budgets ADD COLUMN raise_until BIGINT;
