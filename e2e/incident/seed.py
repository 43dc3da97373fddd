"""Years of usage in minutes: cells are made in the database, by arithmetic, and agree with each other on every level."""

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime, timezone

SECONDS_PER_DAY = 86_400
# Where the numbers of each kind of name begin.
TEAM, CUSTOMER, TAG, KEY = 0, 200_000, 300_000, 1_000_000
CUSTOMERS, TAGS = 100, 20
# Calls in one transaction, and the days over which all are spread.
CHUNK_CALLS, CALL_DAYS = 250_000, 90
# Of one step.
SECONDS_MAX = 1_800

SUMS = (
    "requests", "attempts", "failures", "refusals", "cancellations", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nano", "duration_micros",
)
COLUMNS = ", ".join(("level", "at", "who", "what", *SUMS))
ADDED = ", ".join(f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in SUMS)


@dataclass(frozen=True)
class Size:
    """How much there is. Each key uses `spread` models a day."""

    keys: int
    users: int
    teams: int
    models: int
    days: int
    spread: int = 3
    # Rows of the ledger.
    calls: int = 10_000

    @property
    def cells(self):
        return self.keys * self.days * self.spread


class Sqlite:
    """Statements upon a file."""

    hex_of = staticmethod(lambda number: f"PRINTF('%012x', {number})")

    def __init__(self, path):
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("pragma synchronous = off")

    def run(self, *statements):
        self._database.execute("begin immediate")
        for statement in statements:
            self._database.execute(statement)
        self._database.execute("commit")

    def before(self):
        pass

    def after(self):
        pass

    def close(self):
        self._database.execute("analyze")
        self._database.execute("pragma wal_checkpoint(truncate)")
        self._database.close()


class PostgreSql:
    """Statements upon a server. Indexes are made once, at the end."""

    hex_of = staticmethod(lambda number: f"LPAD(TO_HEX(CAST({number} AS BIGINT)), 12, '0')")

    def __init__(self, server, database):
        self._server, self._database = server, database

    def run(self, *statements):
        memory = ("set work_mem = '256MB'", "set maintenance_work_mem = '1GB'", "set temp_buffers = '256MB'", "set synchronous_commit = off", "set jit = off")
        self._server.script([*memory, *statements], self._database, SECONDS_MAX)

    def before(self):
        self.run("ALTER TABLE usage_days DROP CONSTRAINT usage_days_pkey", "DROP INDEX usage_days_who")

    def after(self):
        self.run("ALTER TABLE usage_days ADD PRIMARY KEY (level, at, who, what)", "CREATE INDEX usage_days_who ON usage_days (who, level, at)")

    def close(self):
        self.run("VACUUM ANALYZE")


def seed(database, size, today=None, say=print):
    """Fills a migrated database that nobody has written to."""
    today = today or datetime.now(timezone.utc)
    end = int(today.timestamp()) // SECONDS_PER_DAY
    first = end - size.days
    began = time.monotonic()
    biggest = max(size.keys, size.models, size.spread, 1_000)
    database.run(
        "CREATE TABLE seed_n (i BIGINT NOT NULL PRIMARY KEY)",
        f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {biggest}) INSERT INTO seed_n SELECT i FROM n",
        *names(size),
    )
    database.before()
    for start, until in stretches(first, end):
        database.run(*cells(size, start, until))
        done = (until - first) / size.days
        say(f"  {done:4.0%} of {size.days} days, {size.cells * done / 1e6:.1f} M cells of keys by model, {time.monotonic() - began:.0f} s")
    database.after()
    say(f"  {size.calls:,} calls, {time.monotonic() - began:.0f} s")
    for statement in calls(size, end, database.hex_of):
        database.run(statement)
    quarters = end * 96
    database.run(
        f"UPDATE ledger_clock SET folded_until = {quarters}, kept_since = {quarters}, at = {end * SECONDS_PER_DAY * 1_000_000}",
        "DROP TABLE seed_n",
    )
    database.close()
    say(f"  seeded in {time.monotonic() - began:.0f} s")


def stretches(first, end):
    """The days of each month, from the first to before the next."""
    days = range(first, end)
    starts = [day for day in days if day == first or month(day) != month(day - 1)]
    return zip(starts, [*starts[1:], end])


def month(day):
    at = datetime.fromtimestamp(day * SECONDS_PER_DAY, timezone.utc)
    return (at.year - 1970) * 12 + at.month - 1


def values(rows):
    return ", ".join(f"({', '.join(repr(value) for value in row)})" for row in rows)


def names(size):
    """Who and what: keys of users in teams of ten organisations."""
    def in_team(team):
        return (f"team-{team}", f"org-{team % 10}")

    who = [(TEAM + 1 + team, "", "", *in_team(team), "", "") for team in range(size.teams)]
    who += [(CUSTOMER + n, "", "", "", "", f"customer-{n}", "") for n in range(CUSTOMERS)]
    who += [(TAG + n, "", "", "", "", "", f"tag-{n}") for n in range(TAGS)]
    who += [
        (KEY + key, hashlib.sha256(f"seed-{key}".encode()).hexdigest(), f"user-{key % size.users}", *in_team(key % size.teams), "", "")
        for key in range(size.keys)
    ]
    for start in range(0, len(who), 1_000):
        yield f"INSERT INTO usage_who (id, api_key, user_id, team_id, organization_id, customer, tag) VALUES {values(who[start:start + 1_000])}"
    makers = ("openai", "anthropic", "mistral")
    what = [
        (n + 1, f"model-{n}", f"maker-model-{n}", makers[n % 3], f"deployment-{n}", "/v1/chat/completions", "success")
        for n in range(size.models)
    ]
    yield f"INSERT INTO usage_what (id, model_group, model, provider, deployment_id, endpoint, status) VALUES {values(what)}"


def cells(size, start, until):
    """The days from `start` to before `until`: each key by model, then what these add up to."""
    step = max(1, size.models // size.spread)
    yield f"""
        CREATE TEMP TABLE seed_keys AS
        SELECT 3 AS level, at, {KEY} + k AS who, what, r AS requests, r AS attempts, r / 20 AS failures, 0 AS refusals, r / 40 AS cancellations,
          r * 500 AS input_tokens, r * 120 AS output_tokens, r * 100 AS cache_read_tokens, 0 AS cache_write_tokens, 0 AS reasoning_tokens,
          r * (what * 7 + 3) * 1000 AS cost_nano, r * 800000 AS duration_micros
        FROM (SELECT d.i + {start} AS at, k.i AS k, (k.i + (d.i + {start}) / 15 + j.i * {step}) % {size.models} + 1 AS what,
                1 + (k.i * 31 + d.i * 17 + j.i * 7) % 40 AS r
              FROM seed_n d CROSS JOIN seed_n k CROSS JOIN seed_n j
              WHERE d.i < {until - start} AND k.i < {size.keys} AND j.i < {size.spread}) AS c"""
    yield f"CREATE TEMP TABLE seed_teams AS {summed(1, 'at', f'{TEAM} + 1 + (who - {KEY}) % {size.teams}', 'what', 'seed_keys')}"
    for level, who, what, table in (
        (3, "who", "what", "seed_keys"),
        (1, "who", "what", "seed_teams"),
        (2, "who", "0", "seed_keys"),
        (0, "0", "what", "seed_teams"),
        (4, f"{CUSTOMER} + who % {CUSTOMERS}", "what", "seed_teams"),
        (5, f"{TAG} + who % {TAGS}", "what", "seed_teams"),
    ):
        yield f"INSERT INTO usage_days ({COLUMNS}) {summed(level, 'at', who, what, table)} ORDER BY 2, 3, 4"
        yield f"INSERT INTO usage_months ({COLUMNS}) {summed(level, month(start), who, what, table)} ORDER BY 2, 3, 4"
    yield from ("DROP TABLE seed_keys", "DROP TABLE seed_teams")
    for kind, slowest in ((0, 60), (1, 40)):
        yield f"""
            INSERT INTO latency_days (level, kind, at, who, what, bucket, requests)
            SELECT 0, {kind}, d.i + {start}, 0, 0, {slowest} - b.i, 1 + (b.i * 37 + d.i) % 500
            FROM seed_n d CROSS JOIN seed_n b WHERE d.i < {until - start} AND b.i < 30"""


def summed(level, at, who, what, table):
    return f"SELECT {level} AS level, {at} AS at, {who} AS who, {what} AS what, {ADDED} FROM {table} GROUP BY 2, 3, 4"


def calls(size, end, hex_of):
    """Rows of the ledger, evenly over the newest days before the end. Ids begin with the time, as real ones do."""
    step_ms = CALL_DAYS * SECONDS_PER_DAY * 1_000 // max(1, size.calls)
    since_ms = (end - CALL_DAYS) * SECONDS_PER_DAY * 1_000
    for start in range(0, size.calls, CHUNK_CALLS):
        until = min(start + CHUNK_CALLS, size.calls)
        yield f"""
            INSERT INTO usage_events (id, call_id, started_at, ended_at, api_key, user_id, team_id, organization_id, tags, customer, dialect, stream,
              model_group, model, provider, deployment_id, api_base, estimate_nano, status, http_status, input_tokens, output_tokens,
              usage_estimated, cost_nano, price_version)
            SELECT SUBSTR(h, 1, 8) || '-' || SUBSTR(h, 9, 4) || '-7000-8000-' || SUBSTR('000000000000' || n, LENGTH('000000000000' || n) - 11),
              'seed-' || n, ms * 1000, ms * 1000 + 300000 + n * 7919 % 2000000, w.api_key, w.user_id, w.team_id, w.organization_id,
              '["tag-' || (n % {TAGS}) || '"]', 'customer-' || (n % {CUSTOMERS}), 'openai_chat', n % 2, m.model_group, m.model, m.provider, m.deployment_id, '', 0,
              CASE WHEN n % 20 = 0 THEN 'upstream_error' ELSE 'success' END, CASE WHEN n % 20 = 0 THEN 502 ELSE 200 END,
              100 + n % 900, 20 + n % 200, 0, 10000 + n % 90000, 'seed'
            FROM (SELECT n, ms, {hex_of("ms")} AS h FROM (SELECT n, {since_ms} + n * {step_ms} AS ms
                  FROM (SELECT a.i * 1000 + b.i + {start} AS n FROM seed_n a CROSS JOIN seed_n b WHERE a.i < {(until - start + 999) // 1000} AND b.i < 1000) AS x
                  WHERE n < {until}) AS y) AS z
            JOIN usage_who w ON w.id = {KEY} + n * 7 % {size.keys} JOIN usage_what m ON m.id = 1 + n * 3 % {size.models}"""
