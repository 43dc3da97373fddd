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
# Days in one transaction.
CHUNK_DAYS = 10
# Of one step.
SECONDS_MAX = 1_800

SUMS = (
    "requests", "attempts", "failures", "refusals", "cancellations", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nano", "duration_micros",
)
COLUMNS = ", ".join(("level", "at", "who", "what", *SUMS))
ADDED = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in SUMS)


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
    """Statements upon a server. The index in whose order rows do not come is made once at the end."""

    INDEX = "CREATE INDEX usage_days_who ON usage_days (who, level, at)"

    def __init__(self, server, database):
        self._server, self._database = server, database

    def run(self, *statements):
        memory = ("set work_mem = '256MB'", "set maintenance_work_mem = '1GB'")
        self._server.script([*memory, *statements], self._database, SECONDS_MAX)

    def before(self):
        self.run("DROP INDEX usage_days_who")

    def after(self):
        self.run(self.INDEX)

    def close(self):
        self.run("VACUUM ANALYZE")


def seed(database, size, today=None, say=print):
    """Fills a migrated database that nobody has written to."""
    today = today or datetime.now(timezone.utc)
    end = int(today.timestamp()) // SECONDS_PER_DAY
    first = end - size.days
    began = time.monotonic()
    biggest = max(size.keys, size.models, size.spread)
    database.run(
        "CREATE TABLE seed_n (i BIGINT NOT NULL PRIMARY KEY)",
        f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {biggest}) INSERT INTO seed_n SELECT i FROM n",
        "CREATE TABLE seed_month (day BIGINT NOT NULL PRIMARY KEY, month BIGINT NOT NULL)",
        f"INSERT INTO seed_month VALUES {values((day, month(day)) for day in range(first, end))}",
        *names(size),
    )
    database.before()
    for start in range(first, end, CHUNK_DAYS):
        until = min(start + CHUNK_DAYS, end)
        database.run(*cells(size, start, until))
        done = (until - first) / size.days
        say(f"  {done:4.0%} of {size.days} days, {size.cells * done / 1e6:.1f} M cells of keys by model, {time.monotonic() - began:.0f} s")
    database.after()
    say("  months, calls")
    database.run(months(), *calls(size, end))
    quarters = end * 96
    database.run(
        f"UPDATE ledger_clock SET folded_until = {quarters}, kept_since = {quarters}, at = {end * SECONDS_PER_DAY * 1_000_000}",
        "DROP TABLE seed_n", "DROP TABLE seed_month",
    )
    database.close()
    say(f"  seeded in {time.monotonic() - began:.0f} s")


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
        INSERT INTO usage_days ({COLUMNS})
        SELECT 3, at, {KEY} + k, what, r, r, r / 20, 0, r / 40, r * 500, r * 120, r * 100, 0, 0, r * (what * 7 + 3) * 1000, r * 800000
        FROM (SELECT d.i + {start} AS at, k.i AS k, (k.i + (d.i + {start}) / 15 + j.i * {step}) % {size.models} + 1 AS what,
                1 + (k.i * 31 + d.i * 17 + j.i * 7) % 40 AS r
              FROM seed_n d CROSS JOIN seed_n k CROSS JOIN seed_n j
              WHERE d.i < {until - start} AND k.i < {size.keys} AND j.i < {size.spread}) AS c
        ORDER BY 2, 3, 4"""
    for level, who, what, of in (
        (2, "who", "0", 3),
        (1, f"{TEAM} + 1 + (who - {KEY}) % {size.teams}", "what", 3),
        (0, "0", "what", 1),
        (4, f"{CUSTOMER} + who % {CUSTOMERS}", "what", 1),
        (5, f"{TAG} + who % {TAGS}", "what", 1),
    ):
        yield f"""
            INSERT INTO usage_days ({COLUMNS}) SELECT {level}, at, {who}, {what}, {ADDED} FROM usage_days
            WHERE level = {of} AND at >= {start} AND at < {until} GROUP BY 2, 3, 4"""
    for kind, slowest in ((0, 60), (1, 40)):
        yield f"""
            INSERT INTO latency_days (level, kind, at, who, what, bucket, requests)
            SELECT 0, {kind}, d.i + {start}, 0, 0, {slowest} - b.i, 1 + (b.i * 37 + d.i) % 500
            FROM seed_n d CROSS JOIN seed_n b WHERE d.i < {until - start} AND b.i < 30"""


def months():
    return f"""
        INSERT INTO usage_months ({COLUMNS}) SELECT level, month, who, what, {ADDED} FROM usage_days
        JOIN seed_month ON day = at GROUP BY 1, 2, 3, 4"""


def calls(size, end):
    """The newest rows of the ledger, one each few seconds before the end, as many as asked for."""
    step = 1_000
    since = (end * SECONDS_PER_DAY - size.calls) * 1_000_000
    for start in range(0, size.calls, step):
        rows = []
        for n in range(start, min(start + step, size.calls)):
            key, at = n % size.keys, since + n * 1_000_000
            rows.append((
                f"00000000-0000-4000-8000-{n:012}", f"seed-{n}", at, at + 800_000, hashlib.sha256(f"seed-{key}".encode()).hexdigest(),
                f"user-{key % size.users}", f"team-{key % size.teams}", f"org-{key % size.teams % 10}", "[]", "openai_chat", 0,
                f"model-{n % size.models}", f"maker-model-{n % size.models}", "openai", f"deployment-{n % size.models}", "", 0,
                "success", 200, 500, 120, 0, 10_000, "seed",
            ))
        yield f"""
            INSERT INTO usage_events (id, call_id, started_at, ended_at, api_key, user_id, team_id, organization_id, tags, dialect, stream,
              model_group, model, provider, deployment_id, api_base, estimate_nano, status, http_status, input_tokens, output_tokens,
              usage_estimated, cost_nano, price_version) VALUES {values(rows)}"""
