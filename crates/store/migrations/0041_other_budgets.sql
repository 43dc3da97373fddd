-- Whether a key has a soft budget or budgets for several times, which are kept in `extra`: gateways hear of its spend.
ALTER TABLE keys ADD COLUMN has_other_budgets BIGINT NOT NULL DEFAULT 0;
UPDATE keys SET has_other_budgets = 1
WHERE extra LIKE '%"soft_budget"%' OR extra LIKE '%"budget_limits"%';
CREATE INDEX keys_other_budgets_spend ON keys (spend_changed_at)
    WHERE has_other_budgets = 1 AND max_budget_nano IS NULL AND budget_id IS NULL;
