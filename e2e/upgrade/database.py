"""A PostgreSQL with years of calls in the schema of the version before, which tells how long anybody waits for a lock."""

import os
import re
from dataclasses import dataclass

from harness.postgres import Postgres, program
from harness.process import Process

# Waits that are shorter are not told.
TOLD_MS_MIN = 20
SEED_SECONDS_MAX = 3_600
DAYS = 90
KEYS = 20_000

# As ids of calls are made: 48 bits of milliseconds first.
CALLS = """
INSERT INTO usage_events (id, call_id, started_at, ended_at, api_key, user_id, team_id, tags, dialect, stream, model_group, model, provider,
  deployment_id, api_base, estimate_nano, status, http_status, input_tokens, output_tokens, usage_estimated, cost_nano, price_version)
SELECT SUBSTR(h, 1, 8) || '-' || SUBSTR(h, 9, 4) || '-7000-8000-' || LPAD(TO_HEX(n), 12, '0'), 'seed-' || n, ms * 1000, ms * 1000 + 800000,
  ENCODE(SHA256(CAST('seed-' || n % {keys} AS BYTEA)), 'hex'), 'user-' || n % 500, 'team-' || n % 50, '[]', 'openai_chat', 0, 'oai', 'up-openai', 'openai',
  'id-oai', '', 0, 'success', 200, 500, 120, 0, 10000, 'seed'
FROM (SELECT n, ms, LPAD(TO_HEX(ms), 12, '0') AS h
      FROM (SELECT n, {since} + n * {step} AS ms FROM generate_series({first}::BIGINT, {last}::BIGINT) n) a) b
"""
SEEDED_KEYS = f"""
INSERT INTO keys (hash, name, alias, user_id, team_id, models, aliases, metadata, spend_nano, spend_changed_at, blocked, created_at, updated_at, extra)
SELECT ENCODE(SHA256(CAST('seed-' || n AS BYTEA)), 'hex'), 'sk-...' || n, 'seed-' || n, 'user-' || n % 500, NULL, '[]', '{{}}', '{{}}', 0, 0, 0, n, n, '{{}}'
FROM generate_series(0, {KEYS - 1}) n
"""


# What `up` makes of one table of calls, undone: as in an installation whose database did not allow it when it was made.
ONE_TABLE = """DO $$
DECLARE part TEXT; name TEXT;
BEGIN
    SELECT c.relname INTO STRICT part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('usage_events') AND c.relname LIKE 'usage_events_before%';
    EXECUTE format('ALTER TABLE usage_events DETACH PARTITION %I', part);
    DROP TABLE usage_events;
    EXECUTE format('ALTER TABLE %I RENAME TO usage_events', part);
    FOR name IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass('usage_events') LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', name, regexp_replace(name, '_before$', ''));
    END LOOP;
END $$"""


class Watched(Postgres):
    """Nothing here has to survive a crash of the machine; the rest is as PostgreSQL ships it."""

    settings = (
        *Postgres.settings, "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=1GB", "shared_buffers=512MB",
        "maintenance_work_mem=512MB", "log_lock_waits=on", f"deadlock_timeout={TOLD_MS_MIN}ms", "log_line_prefix=%m [%p] %a ",
    )

    def seed(self, database, calls):
        """One table of calls, which `up` has to part. Indexes are made after the rows, as they were."""
        self.script([ONE_TABLE], database, SEED_SECONDS_MAX)
        indexes = "select indexdef from pg_indexes where tablename = 'usage_events' and indexname not like '%pkey'"
        texts = self.sql(indexes, database).splitlines()
        now_ms = int(self.sql("select cast(extract(epoch from now()) * 1000 as bigint)", database))
        since = now_ms - DAYS * 86_400_000
        step = (now_ms - 60_000 - since) // calls
        names = [re.search(r"INDEX (\S+) ON", text)[1] for text in texts]
        insert = CALLS.format(keys=KEYS, since=since, step=step, first=0, last=calls - 1)
        statements = [*(f"DROP INDEX {name}" for name in names), SEEDED_KEYS, insert, *texts, "ANALYZE", "CHECKPOINT"]
        self.script(statements, database, SEED_SECONDS_MAX)

    def size(self, database):
        return self.sql("select pg_size_pretty(pg_database_size(current_database()))", database)


@dataclass
class Wait:
    application: str
    ms: float
    what: str


class LockWatch:
    """Who waits for a lock and for how long: what PostgreSQL logs, and ten looks a second at who is waiting still."""

    LOOK = "select coalesce(max(extract(epoch from clock_timestamp() - waitstart) * 1000), 0)::numeric(12, 1) from pg_locks where not granted \\watch 0.1\n"

    def __init__(self, log_dir, postgres):
        self._postgres = postgres
        self._script = postgres.home / "look.sql"
        self._script.write_text(self.LOOK)
        command = [program("psql"), "-h", "127.0.0.1", "-p", postgres.port, "-U", "bulkhead", "-d", "postgres", "-At", "-f", self._script]
        self._looks = Process("lock-watch", command, log_dir)
        self._read, self._seen = len(postgres.process.log()), 0

    def since_last(self):
        """The waits since this was asked before, longest first."""
        log = self._postgres.process.log()
        fresh, self._read = log[self._read:], len(log)
        pattern = r"\[\d+\] (\S*) LOG:  process \d+ (?:acquired|still waiting for) (.*?) after ([\d.]+) ms"
        waits = [Wait(found[1], float(found[3]), found[2]) for found in re.finditer(pattern, fresh)]
        looks = [line for line in self._looks.lines[self._seen:]]
        self._seen += len(looks)
        figures = [float(line) for line in looks if re.fullmatch(r"[\d.]+", line)]
        assert figures, "nobody looked at the locks"
        return sorted([*waits, Wait("(looked at)", max(figures), "any")], key=lambda wait: -wait.ms)

    def stop(self):
        self._looks.stop()


class Reader:
    """Somebody who reads calls for long, again and again: what wants the whole table waits for them, and others behind it."""

    TURN = "begin; select 1 from usage_events limit 1; select pg_sleep(0.7); commit; select pg_sleep(1.5);\n"
    TURNS_MAX = 1_000

    def __init__(self, log_dir, postgres, database):
        script = postgres.home / "read.sql"
        script.write_text(self.TURN * self.TURNS_MAX)
        command = [program("psql"), "-h", "127.0.0.1", "-p", postgres.port, "-U", "bulkhead", "-d", database, "-q", "-f", script]
        self._process = Process("reader", command, log_dir)

    def stop(self):
        self._process.stop()


def disk_free_bytes():
    stat = os.statvfs("/tmp")
    return stat.f_bavail * stat.f_frsize
