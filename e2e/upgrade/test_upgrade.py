"""The version before and this one side by side on one database, while its schema is brought up and chat goes on.

`make upgrade` builds the version before and writes the table to `bench/results/upgrade.md`; UPGRADE_CALLS is the number of calls
that are in the ledger at first, UPGRADE_RATE that of chats a second.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.bulkhead import binary, run
from harness.load import LoadDriver
from harness.process import eventually
from harness.reconcile import reconcile
from harness.report import RESULTS
from harness.upstream import Upstream

from .database import TOLD_MS_MIN, LockWatch, Reader, Watched, disk_free_bytes
from .rollout import Management, Rollout

CALLS = int(os.environ.get("UPGRADE_CALLS", 10_000_000))
RATE, PHASE_SECONDS = int(os.environ.get("UPGRADE_RATE", 40)), 15
LOCK_WAIT_MS_MAX = 500
# Rows, their indexes, and what PostgreSQL writes beside them.
BYTES_PER_CALL = 900
DATABASE = "upgraded"
STREAM = "words=30 gap_ms=40"
HEADINGS = ("phase", "seconds", "LLM requests", "failed", "p50 ms", "p99 ms", "management requests", "failed", "slowest ms", "longest lock wait ms")
VERSION_BEFORE = (Path(__file__).resolve().parents[2] / "deploy/previous-version").read_text().strip()


@dataclass
class Phase:
    name: str
    seconds: float
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    managed: int
    management_failed: int
    slowest_ms: float
    lock_wait_ms: float

    def cells(self):
        return (
            self.name, f"{self.seconds:.0f}", f"{self.requests:,}", str(self.failed), f"{self.p50_ms:.0f}", f"{self.p99_ms:.0f}",
            f"{self.managed:,}", str(self.management_failed), f"{self.slowest_ms:.0f}",
            f"{self.lock_wait_ms:.0f}" if self.lock_wait_ms >= TOLD_MS_MIN else f"< {TOLD_MS_MIN}",
        )


class Upgrade:
    """Phases, each with its chat and its management."""

    def __init__(self, log_dir, rollout, upstream, postgres):
        self.rollout, self.upstream = rollout, upstream
        self.reader = lambda: Reader(log_dir, postgres, DATABASE)
        self.driver, self.locks = LoadDriver(log_dir), LockWatch(log_dir, postgres)
        self.management = Management(rollout)
        self.keys, self.phases, self.requests, self.wrong = [rollout.key()], [], None, []

    def phase(self, name, during):
        began = time.monotonic()
        flow = self.driver.start(f"phase{len(self.phases)}", self.rollout.urls, RATE, self.keys, stream_script=STREAM, prompt_words=20)
        flow.go_on(RATE)
        result = during()
        # A key that is made now is known to both versions.
        self.keys.append(self.rollout.key())
        time.sleep(max(0.0, began + PHASE_SECONDS - time.monotonic()))
        requests = flow.stop()
        managed, slowest, failures = self.management.since_last()
        waits = self.locks.since_last()
        self.phases.append(Phase(
            name, time.monotonic() - began, len(requests), len(requests.failed), requests.latency_ms(0.5), requests.latency_ms(0.99), managed,
            len(failures), slowest, waits[0].ms,
        ))
        print(" | ".join(self.phases[-1].cells()), flush=True)
        if requests.failed or failures or waits[0].ms > LOCK_WAIT_MS_MAX:
            self.wrong.append((name, requests.why(), Counter(failures).most_common(5), waits[:5]))
        self.requests = requests if self.requests is None else self.requests + requests
        return result

    def audit(self, since_us):
        """The ledger against the provider's books, once every call has its row."""
        books = eventually(lambda: (books := self.upstream.books()) and all(entry["ended"] for entry in books) and books, 30, "the end of every call")
        look = lambda: reconcile(books, self.rollout.ledger(since_us), self.requests.tries())
        eventually(lambda: not look().lost, 60, "every call's row")
        return look()

    def close(self):
        self.management.stop()
        self.locks.stop()
        self.driver.stop()


@pytest.fixture
def postgres(log_dir):
    assert disk_free_bytes() > CALLS * BYTES_PER_CALL + (2 << 30), "not enough room for the rows"
    postgres = Watched(log_dir)
    yield postgres
    postgres.close()


@pytest.fixture
def own_upstream(log_dir):
    upstream = Upstream(log_dir)
    yield upstream
    upstream.stop()


def test_upgrade_and_rollback_under_load(log_dir, own_upstream, postgres):
    before, now = os.environ["PREVIOUS_BIN"], binary()
    url = postgres.database(DATABASE)
    code, out, error = run(["migrate", "up"], env={"DATABASE_URL": url}, cwd=log_dir, program=before)
    assert code == 0, out + error
    began = time.monotonic()
    postgres.seed(DATABASE, CALLS)
    print(f"\n{CALLS:,} calls, {postgres.size(DATABASE)}, seeded in {time.monotonic() - began:.0f} s", flush=True)
    since_us = int(postgres.sql("select cast(extract(epoch from now()) * 1000000 as bigint)", DATABASE))
    rollout = Rollout(log_dir, own_upstream, postgres, DATABASE, before)
    upgrade = Upgrade(log_dir, rollout, own_upstream, postgres)
    try:
        took = play(upgrade, rollout, before, now)
        audit = upgrade.audit(since_us)
    finally:
        upgrade.close()
        rollout.close()
    seeded = postgres.sql("select count(*) from usage_events where price_version = 'seed'", DATABASE)
    write(upgrade, audit, took, postgres)
    assert not upgrade.wrong, upgrade.wrong
    assert audit.is_exact() and audit.calls == len(upgrade.requests), vars(audit)
    assert int(seeded) == CALLS, "all rows of before are there"


def play(upgrade, rollout, before, now):
    """Forward, back, forward and finished; the seconds that `up` and `finish` took."""
    def roll(program, members):
        for member in members:
            member.replace(program)

    def refused():
        code, said, _ = rollout.migrate(now, "finish", "--wait-seconds", "0")
        assert code == 1 and "older version" in said, said

    def half_and_half():
        # Backends last, so that keys are made by the version before while gateways are of both.
        roll(now, rollout.gateways[:2])
        refused()
        roll(now, [*rollout.gateways[2:], *rollout.backends])

    def up_beside_a_reader():
        reader = upgrade.reader()
        try:
            return rollout.migrate(now, "up", "--wait-seconds", "600")
        finally:
            reader.stop()

    upgrade.phase("the version before alone", lambda: None)
    code, said, up_seconds = upgrade.phase("`migrate up` beside it", up_beside_a_reader)
    assert code == 0, said
    upgrade.phase("it goes on with the new schema", lambda: None)
    upgrade.phase("gateways, then backends become the new version", half_and_half)
    upgrade.phase("back to the version before", lambda: roll(before, [*rollout.backends, *rollout.gateways]))
    refused()
    upgrade.phase("forward again", lambda: roll(now, [*rollout.gateways, *rollout.backends]))
    code, said, finish_seconds = upgrade.phase("`migrate finish`", lambda: rollout.migrate(now, "finish"))
    assert code == 0, said
    upgrade.phase("the new version alone", lambda: None)
    return up_seconds, finish_seconds


def write(upgrade, audit, took, postgres):
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(phase.cells() for phase in upgrade.phases)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    build = "debug" if "debug" in os.environ["PREVIOUS_BIN"] else "release"
    exact = "none lost, none double, none differing" if audit.is_exact() else "NOT exact"
    text = f"""# Upgrade and rollback under load

Written by `make upgrade`. Three gateways and two backends of the version before (`deploy/previous-version`) serve on PostgreSQL with {CALLS:,} calls
in one table ({postgres.size(DATABASE)}), which `up` makes a partition; `migrate up` of this version runs beside them, they are replaced one by one, replaced back, replaced again, and `migrate finish` runs. Meanwhile {RATE}
chats a second, half of them streamed, and somebody who makes, changes, lists and deletes keys and reads calls; during `up`, transactions
that read calls for 0.7 s at a time as well. Waits for locks are what PostgreSQL logs of any session (from {TOLD_MS_MIN} ms on), and what ten looks a
second at `pg_locks` show. Everything shares {os.cpu_count()} cores, {build} builds; PostgreSQL does not wait for the disk.

The version before is {VERSION_BEFORE[:7]}. `up` took {took[0]:.1f} s, `finish` {took[1]:.1f} s. The ledger against the provider's books: {audit.calls:,} calls, {exact}.

{table}
"""
    print(text)
    if os.environ.get("UPGRADE_WRITE"):
        (RESULTS / "upgrade.md").write_text(text)
