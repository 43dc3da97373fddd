"""The digest of all policy, reckoned from the database, to compare with what `/health/readiness` tells."""

import hashlib
import json

COLUMNS = (
    "hash, alias, user_id, team_id, organization_id, models, aliases, metadata, max_budget_nano, blocked, expires_at"
)
ALL_KEYS = f"SELECT {COLUMNS} FROM keys"


def part(row):
    """One key's part. `row` holds the columns above: JSON as text, numbers or None."""
    key, alias, user, team, organization, models, aliases, metadata, budget, blocked, expires = row
    tags = json.loads(metadata).get("tags")
    tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    pairs = sorted(json.loads(aliases).items(), key=lambda pair: pair[0].encode())
    facts = [key, alias, user, team, organization, json.loads(models), pairs, tags, budget, bool(blocked), expires]
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def digest(rows):
    """The digest of all rows, in any order, as `/health/readiness` writes it."""
    return f"{sum(map(part, rows)) % 2**64:016x}"


def postgres_digest(postgres, database):
    """Of a database of `harness.postgres.Postgres`."""
    names = COLUMNS.replace("hash", "k.hash", 1)
    array = f"SELECT json_build_array({names}) FROM keys k"
    return digest(json.loads(line) for line in postgres.sql(array, database).splitlines())


def sqlite_digest(path):
    import sqlite3

    with sqlite3.connect(path) as connection:
        return digest(connection.execute(ALL_KEYS).fetchall())
