//! What the tests of killed migrations ask of PostgreSQL.

/// Ends the process that runs a migration at the beginning or end of a command that changes the schema. A sequence counts
/// them, since it keeps its number when the transaction goes. (pg_trgm is there before: its script is not ours.)
pub const REAPER: &str = r"
CREATE SCHEMA reaper;
CREATE SEQUENCE reaper.seen;
CREATE TABLE reaper.due (at BIGINT NOT NULL);
INSERT INTO reaper.due VALUES (0);
DO $$ BEGIN CREATE EXTENSION pg_trgm; EXCEPTION WHEN OTHERS THEN NULL; END $$;
CREATE FUNCTION reaper.look() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('application_name') NOT LIKE 'bulkhead%' THEN RETURN; END IF;
    IF nextval('reaper.seen') = (SELECT at FROM reaper.due) THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(60);
    END IF;
END $$;
CREATE FUNCTION reaper.rows_of(name TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$ DECLARE digest TEXT; BEGIN
    EXECUTE format('SELECT COUNT(*) || '' '' || MD5(COALESCE(STRING_AGG(CAST(t AS TEXT), '' '' ORDER BY CAST(t AS TEXT)), '''')) FROM %I t', name)
        INTO digest;
    RETURN digest;
END $$;
CREATE FUNCTION reaper.steps_of(name TEXT, word TEXT) RETURNS SETOF TEXT LANGUAGE plpgsql AS $$ BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT %L || '' '' || version FROM %I', word, name);
    END IF;
END $$;
CREATE EVENT TRIGGER reaper_begin ON ddl_command_start EXECUTE FUNCTION reaper.look();
CREATE EVENT TRIGGER reaper_end ON ddl_command_end EXECUTE FUNCTION reaper.look();
";

/// At which of them; 0 is never.
pub const ARM: &str = "UPDATE reaper.due SET at = $1; SELECT setval('reaper.seen', 1, FALSE)";

/// Whether a migration still runs in a database, as far as the server knows.
pub const RUNNING: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = $1)";

/// Everything in the schema and every row, a line each. Days and ids in the names and bounds of partitions are left out: they
/// are those of the moment.
pub const FINGERPRINT: &str = r"
WITH ours AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public')
SELECT COALESCE(REGEXP_REPLACE(STRING_AGG(line, E'\n' ORDER BY line), '_before_\d{8}|[0-9a-f]{8}-[0-9a-f-]{27}', '#', 'g'), '') FROM (
    SELECT FORMAT('relation %s %s %s', relname, relkind, pg_get_expr(relpartbound, oid)) AS line FROM ours
    UNION ALL
    SELECT FORMAT('column %s %s %s %s %s %s', c.relname, a.attnum, a.attname, FORMAT_TYPE(a.atttypid, a.atttypmod), a.attnotnull,
                  pg_get_expr(d.adbin, d.adrelid))
    FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT FORMAT('index %s %s %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indisprimary)
    FROM pg_index i JOIN ours c ON c.oid = i.indrelid
    UNION ALL
    SELECT FORMAT('constraint %s %s %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated)
    FROM pg_constraint k JOIN ours c ON c.oid = k.conrelid
    UNION ALL
    SELECT FORMAT('rows %s %s', relname, reaper.rows_of(relname::TEXT)) FROM ours
    WHERE relkind IN ('r', 'p') AND relname NOT IN ('_sqlx_migrations', '_bulkhead_finished')
    UNION ALL
    SELECT reaper.steps_of('_sqlx_migrations', 'step')
    UNION ALL
    SELECT reaper.steps_of('_bulkhead_finished', 'finished')
) AS lines";

/// Rows for the steps that change rows, each after the step that it names.
pub const SEEDS: [(i64, &str); 2] = [(1, OF_FIRST), (21, OF_OWNERS)];

const OF_FIRST: &str = r#"
INSERT INTO keys (hash, name, alias, user_id, team_id, models, aliases, metadata, max_budget_nano, spend_nano, spend_changed_at,
                  blocked, created_at, updated_at, extra)
SELECT 'hash-' || n, 'sk-' || n, 'alias ' || n, 'ada', CASE WHEN n % 2 = 0 THEN 'blue' END, '[]', '{}', '{}', NULL, n, n, 0, n, n,
       CASE n % 3 WHEN 0 THEN '{"soft_budget": 1}' WHEN 1 THEN '{"budget_limits": []}' ELSE '{}' END
FROM generate_series(1, 30) n;
INSERT INTO usage_events (id, call_id, started_at, ended_at, api_key, user_id, team_id, customer, tags, dialect, stream, model_group,
                          model, provider, deployment_id, api_base, estimate_nano, status, http_status, input_tokens, output_tokens,
                          usage_estimated, cost_nano, price_version)
SELECT '01900000-0000-7000-8000-' || LPAD(n::TEXT, 12, '0'), 'call-' || n, n, n + 1, 'hash-' || (n % 30 + 1), 'ada', 'blue', 'c-' || (n % 3),
       '[]', 'openai_chat', 0, 'smart', 'gpt', 'openai', 'd1', 'http://up', 1, 'success', 200, n, n, 0, n, 'p'
FROM generate_series(1, 100) n;
INSERT INTO usage_dimensions SELECT n, 'hash-' || n, 'ada', CASE WHEN n % 2 = 0 THEN 'blue' ELSE '' END, 'acme', 'smart', 'gpt', 'openai', 'd1'
FROM generate_series(1, 10) n;
INSERT INTO usage_quarter_hours SELECT q, n, 9, 1, 2, 1, 10, 10, 0, 0, 0, n, n FROM generate_series(1, 10) n, generate_series(1, 4) q;
INSERT INTO latency_quarter_hours SELECT q, b, 3 FROM generate_series(1, 4) q, generate_series(1, 5) b;
"#;

const OF_OWNERS: &str = "
INSERT INTO budgets (id, max_budget_nano, model_max_budget, extra, created_at, updated_at)
SELECT 'budget-' || n, n, '{}', '{}', n, n FROM generate_series(1, 10) n;
INSERT INTO customers (id, budget_id, models, blocked, extra, created_at, updated_at)
SELECT 'customer-' || n, 'budget-' || n, '[]', 0, '{}', n + n % 2, n FROM generate_series(1, 10) n;
";
