-- Whether a budget was made with its owner: then it goes with the last that has it. Of those made before, the ones that
-- were made in the same instant as theirs were.
ALTER TABLE budgets ADD COLUMN is_own BIGINT NOT NULL DEFAULT 0;
UPDATE budgets SET is_own = 1
WHERE EXISTS (SELECT 1 FROM customers o WHERE o.budget_id = budgets.id AND o.created_at = budgets.created_at)
   OR EXISTS (SELECT 1 FROM tags o WHERE o.budget_id = budgets.id AND o.created_at = budgets.created_at)
   OR EXISTS (SELECT 1 FROM projects o WHERE o.budget_id = budgets.id AND o.created_at = budgets.created_at)
   OR EXISTS (SELECT 1 FROM organizations o WHERE o.budget_id = budgets.id AND o.created_at = budgets.created_at)
   OR EXISTS (SELECT 1 FROM team_members o WHERE o.budget_id = budgets.id AND o.created_at = budgets.created_at);
