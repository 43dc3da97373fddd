-- Gateways read what changed; who did it, and on whose behalf, is told by the audit log.
ALTER TABLE policy_changes DROP COLUMN changed_by;
