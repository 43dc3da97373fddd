-- Keys whose budget is a shared one, as `keys_budgeted_spend` has those with their own.
CREATE INDEX keys_shared_budget_spend ON keys (spend_changed_at) WHERE budget_id IS NOT NULL AND max_budget_nano IS NULL;
