-- Counts repairs of cells: whoever looked at them before another's repair begins anew.
ALTER TABLE ledger_clock ADD COLUMN repairs BIGINT NOT NULL DEFAULT 0;
-- Calls that began before may be gone, in microseconds.
ALTER TABLE ledger_clock ADD COLUMN calls_since BIGINT NOT NULL DEFAULT 0;

-- Where there are cells of before the oldest call, others were there once: the first whole day after it.
UPDATE ledger_clock SET calls_since = COALESCE(
    (SELECT (MIN(started_at) / 86400000000 + 1) * 86400000000 FROM usage_events),
    (SELECT (MAX(at) / 96 + 1) * 86400000000 FROM usage_quarters WHERE level = 0),
    (SELECT (MAX(at) + 1) * 86400000000 FROM usage_days WHERE level = 0))
WHERE EXISTS (SELECT 1 FROM usage_quarters WHERE level = 0 AND at < COALESCE(
                  (SELECT MIN(started_at) / 900000000 FROM usage_events), 9223372036854775807))
   OR EXISTS (SELECT 1 FROM usage_days WHERE level = 0 AND at < COALESCE(
                  (SELECT MIN(started_at) / 86400000000 FROM usage_events), 9223372036854775807));
