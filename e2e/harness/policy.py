"""The digest of all policy, reckoned from the database, to compare with what `/health/readiness` tells."""

import datetime
import hashlib
import json

COLUMNS = (
    "hash, alias, user_id, team_id, organization_id, models, aliases, metadata, max_budget_nano, blocked, expires_at, "
    "project_id, budget_id, budget_duration, extra"
)
ALL_KEYS = f"SELECT {COLUMNS} FROM keys"

# Of each kind of account: kind, within, id, blocked, models, aliases, parent, budget, members' budget, most, soft,
# duration, more limits, where models have budgets, end, where access groups are, by how much it is larger and until when.
ALL_ACCOUNTS = [
    "SELECT 'user', '', id, 0, models, '{}', NULL, NULL, NULL, max_budget_nano, soft_budget_nano, budget_duration,"
    " budget_limits, extra FROM users",
    "SELECT 'team', '', id, blocked, models, model_aliases, organization_id, NULL, member_budget_id, max_budget_nano,"
    " soft_budget_nano, budget_duration, budget_limits, model_max_budget, NULL, extra FROM teams",
    "SELECT 'member', team_id, user_id, 0, allowed_models, '{}', NULL, budget_id, NULL, NULL, NULL, NULL, '[]', '{}'"
    " FROM team_members",
    "SELECT 'organization', '', id, blocked, models, '{}', NULL, budget_id, NULL, NULL, NULL, NULL, '[]', '{}'"
    " FROM organizations",
    "SELECT 'organization_member', organization_id, user_id, 0, '[]', '{}', NULL, budget_id, NULL, NULL, NULL, NULL,"
    " '[]', '{}' FROM organization_members",
    "SELECT 'customer', '', id, blocked, models, '{}', NULL, budget_id, NULL, NULL, NULL, NULL, '[]', '{}' FROM customers",
    "SELECT 'tag', '', name, 0, models, '{}', NULL, budget_id, NULL, NULL, NULL, NULL, '[]', '{}' FROM tags",
    "SELECT 'project', '', id, blocked, models, '{}', team_id, budget_id, NULL, NULL, NULL, NULL, '[]', '{}' FROM projects",
    "SELECT 'budget', '', id, 0, '[]', '{}', NULL, NULL, NULL, max_budget_nano, soft_budget_nano, budget_duration, '[]', '{}',"
    " NULL, NULL, raise_nano, raise_until FROM budgets",
    "SELECT 'old_secret', '', hash, 0, '[]', '{}', key_hash, NULL, NULL, NULL, NULL, NULL, '[]', '{}', ends_at FROM old_secrets",
    "SELECT 'access_group', '', id, 0, models, '{}', NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}' FROM access_groups",
    "SELECT 'allowed_ip', '', network, 0, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}' FROM allowed_ips",
    "SELECT kind, owner, model, 0, '[]', '{}', NULL, NULL, NULL, max_nano, NULL, duration, '[]', '{}' FROM model_budgets",
]


def digest_of(facts):
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def pairs(aliases):
    return sorted(json.loads(aliases).items(), key=lambda pair: pair[0].encode())


def part(row):
    """One key's part. `row` holds the columns above: JSON as text, numbers or None."""
    key, alias, user, team, organization, models, aliases, metadata, budget, blocked, expires, *terms, extra = row
    metadata, extra = json.loads(metadata), json.loads(extra)
    tags = metadata.get("tags")
    tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    facts = [key, alias, user, team, organization, json.loads(models), pairs(aliases), tags, budget, bool(blocked)]
    soft, increase, until = extra.get("soft_budget"), metadata.get("temp_budget_increase"), metadata.get("temp_budget_expiry")
    rest = [
        extra.get("allowed_routes") or [],
        None if soft is None else nano(soft),
        limits(extra.get("budget_limits")),
        None if increase is None or until is None else [nano(increase), micros(until)],
        budgeted(extra.get("model_max_budget")),
        extra.get("access_group_ids") or [],
    ]
    return digest_of([*facts, expires, terms, rest])


def nano(dollars):
    return round(float(dollars) * 1e9)


def micros(text):
    at = datetime.datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
    return round(at.timestamp() * 1e6)


def budgeted(models):
    """Those that have a budget and not only rates."""
    def is_held(budget):
        return any(budget.get(name) is not None for name in ("budget_limit", "max_budget"))
    held = [name for name, budget in (models or {}).items() if is_held(budget)]
    return sorted(held, key=str.encode)


def limits(more):
    return [[limit["budget_duration"], nano(limit["max_budget"])] for limit in more or []]


def part_of_account(row):
    kind, within, name, blocked, models, aliases, parent, budget, members, most, soft, duration, more, per_model, *end = row
    per_model = json.loads(per_model)
    per_model = per_model.get("model_max_budget") if kind == "user" else per_model
    end, within_extra, by, until = (end + [None] * 4)[:4]
    groups = json.loads(within_extra or "{}").get("access_group_ids") or []
    ids, held = [parent, budget, members, end], [most, soft, duration, [limits(json.loads(more)), budgeted(per_model), groups, None if by is None or until is None else [by, until]]]
    return digest_of([[kind, within, name], bool(blocked), json.loads(models), pairs(aliases), ids, held])


def digest(keys, accounts=()):
    """The digest of all rows, in any order, as `/health/readiness` writes it."""
    return f"{(sum(map(part, keys)) + sum(map(part_of_account, accounts))) % 2**64:016x}"


def postgres_digest(postgres, database):
    """Of a database of `harness.postgres.Postgres`."""

    def rows(select):
        names, rest = select.removeprefix("SELECT ").split(" FROM ")
        array = f"SELECT json_build_array({names}) FROM {rest}"
        return [json.loads(line) for line in postgres.sql(array, database).splitlines()]

    return digest(rows(ALL_KEYS), [row for select in ALL_ACCOUNTS for row in rows(select)])


def sqlite_digest(path):
    import sqlite3

    with sqlite3.connect(path) as connection:
        accounts = [row for select in ALL_ACCOUNTS for row in connection.execute(select)]
        return digest(connection.execute(ALL_KEYS).fetchall(), accounts)
