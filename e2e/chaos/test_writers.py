"""Two backends under two hundred concurrent writers: nothing acknowledged is lost, and each budget begins anew once."""

import json
import random
import shutil
import tempfile
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.bulkhead import Api, config, new_master_key, role, run
from harness.policy import postgres_digest
from harness.process import eventually
from harness.writers import BUDGET, KEY, LIMITS, NOUNS, TABLES, Book, Writer, budget_of

from .conftest import FORM

WRITERS = 200
# What each writer does.
TURNS = {"short": 12, "long": 300, "full": 300}[FORM]
# Shared rows of each noun; each of their fields has one writer, and the fields of all rows are as many as writers.
SHARED = {"key": 6, "team": 4, "user": 5, "organization": 4, "customer": 4, "tag": 4, "budget": 5, "model": 4}
DATABASE = "writers"
SPENDING_PAUSE_SECONDS = 0.05
SPENDING, SPENDER = "sk-that-spends-0001", "user-that-spends"
# Written by the backends themselves.
OWN_ACTIONS = ("budget_reset", "budget_window")


def name_of(kind, rest):
    """Long enough for a key, too."""
    return f"{'sk-of-' if kind == 'key' else ''}{kind}-{rest}-of-writers"


class TwoBackends:
    """Two backends and a gateway on one database."""

    def __init__(self, log_dir, upstream, postgres):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-writers-"))
        (self.home / "config.yaml").write_text(config(upstream))
        self.master_key = new_master_key()
        postgres.sql(f"drop database if exists {DATABASE}", "postgres")
        env = {"LITELLM_MASTER_KEY": self.master_key, "DATABASE_URL": postgres.database(DATABASE)}
        code, out, error = run(["migrate", "up"], env=env, cwd=self.home)
        assert code == 0, out + error
        roles = ["backend", "backend", "gateway"]
        started = [
            role(name, log_dir, ["--port", 0, "--data-dir", self.home / str(number)], env, self.home)
            for number, name in enumerate(roles)
        ]
        self.processes, self.urls = zip(*started)

    def apis(self):
        return [Api(url, self.master_key) for url in self.urls[:2]]

    def gateway(self, key):
        return Api(self.urls[2], key)

    def close(self):
        for process in self.processes:
            process.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture
def backends(log_dir, upstream, postgres):
    if postgres.process.popen.poll() is not None:
        postgres.start()
    backends = TwoBackends(log_dir, upstream, postgres)
    yield backends
    backends.close()


class Rows:
    """The rows that all writers share."""

    def __init__(self, writer):
        self.names = {kind: [name_of(kind, f"shared-{n}") for n in range(count)] for kind, count in SHARED.items()}
        self.budgets = {}
        for kind, rows in self.names.items():
            for name in rows:
                assert writer.make(kind, name), writer.book.failed
                if NOUNS[kind].own_budget:
                    self.budgets[name] = budget_of(NOUNS[kind].show(writer.apis[0], name))

    def fields(self):
        """Every field of every row."""
        return [(kind, name, field) for kind, rows in self.names.items() for name in rows for field in NOUNS[kind].fields]


def work(number, backends, book, rows, field, began):
    """One writer: its own field of a shared row, rows of its own, members, and names that others want as well."""
    chance, apis = random.Random(number), backends.apis()
    writer, mine = Writer(apis if number % 2 else apis[::-1], book), []
    kind, name, field = field
    began.wait()
    for turn in range(TURNS):
        action = chance.random()
        if action < 0.5:
            writer.change(kind, name, field, turn + 1, rows.budgets.get(name))
        elif action < 0.7:
            other = chance.choice(list(NOUNS))
            new = name_of(other, f"own-{number}-{turn}")
            if writer.make(other, new):
                mine.append((other, new))
        elif action < 0.8 and mine:
            writer.delete(*mine.pop(chance.randrange(len(mine))))
        elif action < 0.9:
            team, user = chance.choice(rows.names["team"]), f"member-{number}-{turn}"
            writer.join(team, user)
            if chance.random() < 0.5:
                writer.leave(team, user)
        else:
            # Whoever comes first makes it, and whoever comes first deletes it.
            other = chance.choice(list(NOUNS))
            wanted = name_of(other, f"wanted-{turn}")
            if turn % 2 or not writer.make(other, wanted, (400, 409)):
                writer.delete(other, wanted, (400, 404))
    for api in apis:
        api.close()


def spend(backends, stop, answered):
    """Calls that cost something while budgets begin anew."""
    client = backends.gateway(SPENDING)
    while not stop.wait(SPENDING_PAUSE_SECONDS):
        answer = client.chat("oai-0", user=name_of("customer", "shared-0"))
        answered[answer.status_code] += 1
        if answer.status_code not in (200, 422):
            answered[answer.text] += 1
    client.close()


def test_nothing_that_was_acknowledged_is_lost(backends, postgres, request):
    request.node.add_marker(pytest.mark.timeout(3600 if FORM != "short" else 240))
    book = Book()
    rows = Rows(Writer(backends.apis(), book))
    fields = rows.fields()
    assert len(fields) == WRITERS, len(fields)
    spender = Writer(backends.apis(), book)
    # The budgets of both begin anew all the time; nobody changes them.
    assert spender.make("key", SPENDING) and spender.make("user", SPENDER)
    spender.apis[0].ok(spender.apis[0].post("/key/update", {"key": SPENDING, "user_id": SPENDER}))
    book.note(KEY, NOUNS["key"].object_id(SPENDING), "updated")
    eventually(lambda: backends.gateway(SPENDING).chat("oai-0").status_code == 200, 10, "the gateway to know the key")
    began, stop, answered = threading.Barrier(WRITERS), threading.Event(), Counter()
    spending = threading.Thread(target=spend, args=(backends, stop, answered))
    spending.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(work, n, backends, book, rows, field, began) for n, field in enumerate(fields)]
    stop.set()
    spending.join()
    for one in running:
        one.result()
    assert not book.failed, (len(book.failed), Counter(book.failed).most_common(10))
    assert set(answered) <= {200, 422} and answered[200], answered
    check_rows(backends, book, postgres)
    book.note_deleted_budgets(set(postgres.sql("select id from budgets", DATABASE).split("\n")))
    entries = audit_log(postgres)
    check_audit(book, entries)
    check_tail(postgres, entries)
    check_resets(entries)
    assert postgres.sql(f"select deadlocks from pg_stat_database where datname = '{DATABASE}'", DATABASE) == "0"
    assert "deadlock detected" not in postgres.process.log()
    assert sum(book.refused.values()) > 0, "nobody wanted the same name"

    def gateway_agrees():
        policy = httpx.get(f"{backends.urls[2]}/health/readiness").json()["policy"]
        return policy["digest"] == postgres_digest(postgres, DATABASE)
    eventually(gateway_agrees, 20, "the gateway's policy to be the database's")


def value_at(row, path):
    for part in path.split("."):
        row = row[part]
    return row


# Where the rows of each noun are, and what they are called there.
STORED = {
    "key": "select hash from keys", "team": "select id from teams", "user": "select id from users",
    "organization": "select id from organizations", "customer": "select id from customers", "tag": "select name from tags",
    "budget": "select id from budgets", "model": "select id from models",
    "member": "select team_id || '/' || user_id from team_members",
}


def check_rows(backends, book, postgres):
    """Every acknowledged row is there, with every acknowledged value; what was deleted is not."""
    assert not {row: times for row, times in book.rows.items() if times not in (0, 1)}
    own_budgets = {name for table, name, _ in book.entries if table == BUDGET}
    for kind, query in STORED.items():
        table = next(table for table, noun in TABLES.items() if noun == kind)
        due = {
            NOUNS[kind].object_id(name) if kind in NOUNS else name
            for (of, name), times in book.rows.items() if of == kind and times
        }
        there = set(postgres.sql(query, DATABASE).split("\n")) - (own_budgets - due)
        assert there == due, (table, list(there - due)[:5], list(due - there)[:5])
    wrong = []
    api = backends.apis()[0]
    for (kind, name), values in book.values.items():
        row = NOUNS[kind].show(api, name)
        for field, value in values.items():
            held = row["litellm_budget_table"] if NOUNS[kind].own_budget and field in LIMITS else row
            if value_at(held, field) != value:
                wrong.append((kind, name, field, value, value_at(held, field)))
    assert not wrong, (len(wrong), wrong[:10])


def audit_log(postgres):
    """All entries in the order of their commits."""
    text = postgres.sql(
        "select json_build_array(seq, table_name, object_id, action, before_value, after_value) from audit_log order by seq",
        DATABASE,
    )
    return [json.loads(line) for line in text.splitlines()]


def check_audit(book, entries):
    """One entry for each acknowledged change and no other, numbered without a gap; each begins where the one before ended."""
    assert [entry[0] for entry in entries] == list(range(1, len(entries) + 1))
    written = Counter((table, name, action) for _, table, name, action, _, _ in entries if action not in OWN_ACTIONS)
    assert written == book.entries, ((written - book.entries).most_common(10), (book.entries - written).most_common(10))
    last = {}
    for _, table, name, action, before, after in entries:
        if action in OWN_ACTIONS:
            continue
        before, after = (stored(json.loads(value)) if value else None for value in (before, after))
        assert before == last.get((table, name)), (table, name, action, before, last.get((table, name)))
        last[table, name] = after


def stored(row):
    """What of an entry is kept in its own row: spend moves by itself, and a place in a team does not say who made it."""
    moving = {"spent", "spend", "members", "keys", "budget", "created_by", "updated_by"}
    return {field: value for field, value in row.items() if field not in moving}


def check_tail(postgres, entries):
    """Gateways hear of each change once, in an unbroken row of numbers."""
    text = postgres.sql("select json_build_array(seq, kind, within, key_hash, action) from policy_changes order by seq", DATABASE)
    changes = [json.loads(line) for line in text.splitlines()]
    assert [change[0] for change in changes] == list(range(1, len(changes) + 1))
    told = Counter()
    for _, kind, within, name, action in changes:
        if action not in OWN_ACTIONS:
            told[kind, f"{within}/{name}" if within else name, action] += 1
    due = Counter((TABLES[table], name, action) for _, table, name, action, _, _ in entries if action not in OWN_ACTIONS)
    assert told == due, ((told - due).most_common(10), (due - told).most_common(10))


def check_resets(entries):
    """Each window ends once, and the next one begins where it ended or later."""
    ends = defaultdict(list)
    for _, table, name, action, before, after in entries:
        if action == "budget_reset":
            before, after = json.loads(before), json.loads(after)
            ends[table, name, before["budget_duration"]].append((before["budget_reset_at"], after["budget_reset_at"]))
    assert len({table for table, _, _ in ends}) >= 4, ends.keys()
    for owner, windows in ends.items():
        assert len({ended for ended, _ in windows}) == len(windows), (owner, windows)
        for (ended, begun), (next_ended, _) in zip(windows, windows[1:]):
            assert ended < begun == next_ended, (owner, windows)


def test_a_creation_that_is_sent_again_to_both_backends_is_made_once(backends, postgres):
    body, headers = {"models": ["oai"]}, {"idempotency-key": "one-key"}

    def make(api):
        return api.ok(api.post("/key/generate", body, headers=headers))
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(make, backends.apis() * 8))
    assert all(answer == made[0] for answer in made)
    assert postgres.sql("select count(*) from keys", DATABASE) == "1"
    assert made[0]["key"] not in postgres.sql("select sealed from receipts", DATABASE)
    assert backends.apis()[1].post("/key/generate", {"models": []}, headers=headers).status_code == 422
