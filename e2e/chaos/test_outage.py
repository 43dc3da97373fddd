"""The database away, slow, mute, read-only or torn away in the middle of a ship: no request of a known key fails,
and no row is lost or doubled."""

import os
import signal
import time

import pytest

from harness.process import eventually

RATE = 60
# Most that the backlog may take to go once the database is back, and a start from the disk copy.
BACKLOG_SECONDS_MAX = 60
START_SECONDS_MAX = 1.0


def load(lab, name, key, rate=RATE):
    return lab.driver.start(
        name, lab.fleet.urls, rate, [key], stream_script="words=10 gap_ms=5", whole_script="delay_ms=5", prompt_words=20,
    )


def settled(lab, scenario, requests, began, notes="", limit=BACKLOG_SECONDS_MAX):
    """Waits for the rows, notes the line and checks what every scenario here promises."""
    audit = lab.audit(requests, limit)
    seconds = time.monotonic() - began
    lab.add(scenario, requests, audit, notes=f"{notes}backlog gone {seconds:.0f} s after")
    assert not requests.failed, requests.why()
    assert audit.is_exact(), vars(audit)
    return audit


def test_the_database_stops_under_load(lab):
    away = lab.pick(10, 180, 600)
    key = lab.fleet.key()
    pids, gateways = lab.fleet.pids(), lab.fleet.gateways
    flow = load(lab, "outage", key)
    flow.go_on(RATE)
    lab.fleet.postgres.stop()
    try:
        stopped = time.monotonic()
        flow.go_on(RATE)
        for url in lab.fleet.urls:
            answer = lab.chat(url, "sk-nobody-knows-this-key")
            assert answer.status_code == 503, f"{answer.status_code}: never a wrong 401"
            assert int(answer.headers["retry-after"]) >= 1
        restarted = gateways[0]
        assert restarted.process.stop() == 0
        took = restarted.start()
        eventually(lambda: lab.chat(restarted.url, key).status_code == 200, 5, "an answer from the disk copy")
        pids[0] = restarted.process.pid
        while time.monotonic() - stopped < away:
            flow.go_on(RATE)
    finally:
        lab.fleet.postgres.start()
    back = time.monotonic()
    flow.go_on(RATE)
    requests = flow.stop()
    settled(lab, f"PostgreSQL stopped for {away} s", requests, back, f"start from disk in {took:.2f} s; ")
    assert took < START_SECONDS_MAX or lab.form == "short", f"a start from disk took {took:.2f} s"
    assert lab.fleet.pids() == pids, "a gateway was restarted"
    fresh = lab.fleet.admin.generate()["key"]
    for url in lab.fleet.urls:
        eventually(lambda: lab.chat(url, fresh).status_code == 200, 10, "a key made after the outage")


@pytest.mark.parametrize("fault", ["slow", "half_open", "reset", "read_only"])
def test_the_database_misbehaves_under_load(lab, fault):
    seconds = lab.pick(6, 60)
    key = lab.fleet.key()
    flow = load(lab, fault, key)
    flow.go_on(RATE)
    proxy, postgres, database = lab.fleet.proxy, lab.fleet.postgres, lab.fleet.database
    begin = {
        "slow": lambda: proxy.mode("delay", ms=2000),
        "half_open": lambda: half_open(proxy),
        "reset": lambda: proxy.mode("reset"),
        "read_only": lambda: read_only(postgres, database, "on"),
    }
    end = {"read_only": lambda: read_only(postgres, database, "off")}
    name = {
        "slow": "PostgreSQL slow: every statement takes 2 s", "half_open": "PostgreSQL half-open: mute, nothing closed",
        "reset": "PostgreSQL's connections reset", "read_only": "PostgreSQL read-only",
    }
    begin[fault]()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        flow.go_on(RATE)
    end.get(fault, lambda: proxy.mode("pass"))()
    back = time.monotonic()
    flow.go_on(RATE)
    requests = flow.stop()
    settled(lab, f"{name[fault]}, for {seconds} s", requests, back)


def half_open(proxy):
    """First one connection falls mute in the middle of a ship, which leaves the database waiting in an open
    transaction with the locks that every gateway needs; then all of them do."""
    cut = proxy.counts()["commits_cut"]
    proxy.cut_commits(muted=1)
    eventually(lambda: proxy.counts()["commits_cut"] > cut, 30, "a mute commit")
    proxy.mode("half_open")


def read_only(postgres, database, value):
    """As a primary that has become a standby looks to its clients."""
    postgres.sql(f"alter database {database} set default_transaction_read_only = {value}", "postgres")
    # The setting is taken by new connections: those that stand are closed, as a fail-over closes them.
    postgres.sql(
        f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' and pid <> pg_backend_pid()",
        "postgres",
    )


def test_the_connection_breaks_in_the_middle_of_a_ship(lab):
    """Around the commit: its answer lost (it counts), or the commit itself lost (it does not)."""
    cuts = lab.pick(6, 40)
    key = lab.fleet.key()
    flow = load(lab, "commits", key)
    flow.go_on(RATE)
    lab.fleet.proxy.cut_commits(unanswered=cuts // 2, unsent=cuts // 2)
    eventually(lambda: lab.fleet.proxy.counts()["commits_cut"] == cuts, 60 + 5 * cuts, f"{cuts} broken commits")
    back = time.monotonic()
    flow.go_on(RATE)
    settled(lab, f"connection cut at {cuts} commits of the ledger", flow.stop(), back)


def test_the_database_restarts_in_the_middle_of_a_ship(lab):
    times = lab.pick(2, 10)
    key = lab.fleet.key()
    flow = load(lab, "restarts", key)
    for _ in range(times):
        flow.go_on(RATE)
        # Slow replies make sure that a transaction is open when the server dies.
        lab.fleet.proxy.mode("delay", ms=300)
        flow.go_on(RATE // 2)
        lab.fleet.postgres.stop()
        lab.fleet.proxy.mode("pass")
        lab.fleet.postgres.start()
    back = time.monotonic()
    flow.go_on(RATE)
    settled(lab, f"PostgreSQL restarted {times} times in the middle of a ship", flow.stop(), back)


def test_the_backend_dies_under_load(up_lab):
    """`up`: gateway and database file stay, the backend is killed again and again."""
    lab = up_lab
    times = lab.pick(3, 20)
    flow = load(lab, "backend", lab.fleet.key())
    for _ in range(times):
        flow.go_on(RATE // 2)
        old = lab.fleet.up.role("backend")
        os.kill(old, signal.SIGKILL)
        eventually(lambda: lab.fleet.up.role("backend") != old, 20, "a new backend")
    back = time.monotonic()
    flow.go_on(RATE)
    settled(lab, f"{times} × `kill -9` of the backend", flow.stop(), back)
