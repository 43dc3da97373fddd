-- The project of the call's key. Calls made before are charged to none.
ALTER TABLE usage_events ADD COLUMN project_id TEXT;
