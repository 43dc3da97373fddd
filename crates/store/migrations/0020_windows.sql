-- Whose spend changed lately, for gateways that hold it against budgets.
CREATE INDEX running_totals_changed ON running_totals (changed_at);
