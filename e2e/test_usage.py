"""`bulkhead usage`: what was counted of calls is made right beside those that are being made."""

import datetime
import sqlite3
import threading

import pytest

from harness.bulkhead import Up, config, new_master_key, run
from harness.postgres import Postgres
from harness.process import eventually
from harness.upstream import script

WRONG = """UPDATE usage_quarters SET requests = requests + 7, cost_nano = cost_nano - 9 WHERE level IN (0, 2);
           DELETE FROM usage_quarters WHERE level = 3; DELETE FROM latency_quarters;"""


class OnSqlite:
    def __init__(self, log_dir, upstream):
        self.up = Up(log_dir, config(upstream), new_master_key())

    def sql(self, text):
        (path,) = self.up.data_dir.glob("*.db")
        with sqlite3.connect(path, timeout=20) as database:
            if text.lstrip().startswith("SELECT"):
                return str(database.execute(text).fetchone()[0])
            database.executescript(text)

    def close(self):
        self.up.close()


class OnPostgres:
    def __init__(self, log_dir, upstream):
        self.postgres = Postgres(log_dir)
        self.up = Up(log_dir, config(upstream), new_master_key(), env={"DATABASE_URL": self.postgres.url})

    def sql(self, text):
        return self.postgres.sql(text, "postgres")

    def close(self):
        self.up.close()
        self.postgres.close()


@pytest.fixture(params=[OnSqlite, OnPostgres], ids=["sqlite", "postgres"])
def house(request, log_dir, upstream):
    house = request.param(log_dir, upstream)
    yield house
    house.close()


def usage(house, *arguments):
    env = {"LITELLM_MASTER_KEY": house.up.master_key, "BULKHEAD_DATA_DIR": house.up.data_dir}
    if isinstance(house, OnPostgres):
        env["DATABASE_URL"] = house.postgres.url
    return run(["usage", *arguments], env=env, cwd=house.up.home)


def yesterday():
    return (datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)).isoformat()


class Caller(threading.Thread):
    """Makes one call after the other until it is told to end."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.made, self.end = api, 0, threading.Event()

    def run(self):
        while not self.end.is_set():
            assert self.api.chat("oai").status_code == 200
            self.made += 1


def test_wrong_roll_ups_become_right_while_calls_are_made(house):
    caller = Caller(house.up.admin.with_key(house.up.admin.generate()["key"]))
    caller.start()
    counted = lambda: int(house.sql("SELECT COALESCE(SUM(requests), 0) FROM usage_quarters WHERE level = 0"))
    eventually(lambda: counted() >= 20, 20, "some calls to be counted")
    house.sql(WRONG)
    code, out, error = usage(house, "rebuild", "--from", yesterday(), "--dry-run")
    assert code == 0 and "cells differ" in out and "nothing was changed" in out, out + error
    code, out, error = usage(house, "rebuild", "--from", yesterday())
    assert code == 0 and "cells were made right" in out, out + error
    before = caller.made
    eventually(lambda: caller.made > before + 5, 20, "calls go on")
    caller.end.set()
    caller.join(30)
    rows = lambda: int(house.sql("SELECT COUNT(*) FROM usage_events"))
    eventually(lambda: rows() == caller.made, 20, "a row of each call")
    assert counted() == caller.made
    code, out, error = usage(house, "rebuild", "--from", yesterday(), "--dry-run")
    assert code == 0 and "every cell is what its calls come to" in out, out + error
    money = "SELECT (SELECT SUM(cost_nano) FROM usage_events) - (SELECT SUM(cost_nano) FROM usage_quarters WHERE level = 3)"
    assert house.sql(money) == "0"


def test_a_range_that_runs_backwards_is_refused(house):
    code, out, error = usage(house, "rebuild", "--from", "2026-01-02", "--to", "2026-01-01")
    assert code == 1 and "is after" in error, out + error


# The fewest tokens of `oai` whose price is a dollar.
A_DOLLAR = "in=333334 out=0"


def test_calls_of_the_past_get_the_prices_of_now_and_budgets_see_it(house):
    admin = house.up.admin
    key = admin.generate(max_budget=1.5)["key"]
    client = admin.with_key(key)
    text, _ = script(A_DOLLAR)
    assert client.chat("oai", text).status_code == 200
    assert client.chat("oai-1", script("in=1000 out=0")[0]).status_code == 200
    eventually(lambda: house.sql("SELECT COUNT(*) FROM usage_events") == "2", 20, "both rows")
    spend = lambda: admin.ok(admin.get("/key/info", params={"key": key}))["info"]["spend"]
    assert spend() == pytest.approx(1.003002)

    prices = house.up.home / "config.yaml"
    prices.write_text(prices.read_text().replace("input_cost_per_token: 0.000003", "input_cost_per_token: 0.000006"))
    ask = ["reprice", "--from", yesterday(), "--model-group", "oai"]
    code, out, error = usage(house, *ask)
    assert code == 0 and "1 calls, 1 cost something else: $1.000002 before, $2.000004 now" in out, out + error
    assert "nothing was changed" in out and spend() == pytest.approx(1.003002)
    code, out, error = usage(house, *ask, "--apply")
    assert code == 0 and "$2.000004 now" in out and "audit log" in out, out + error
    assert spend() == pytest.approx(2.003004)
    refused = eventually(lambda: (r := client.chat("oai")).status_code == 422 and r, 5, "the budget is used up")
    assert refused.json()["error"]["type"] == "budget_exceeded"

    entries = admin.ok(admin.get("/audit", params={"action": "repriced"}))
    (entry,) = entries["audit_logs"]
    assert entry["changed_by"] == "bulkhead usage reprice" and "model group oai" in entry["object_id"], entry
    # The gateway goes on at the prices that it was started with: calls until it knew of the spend are found the next time.
    eventually(lambda: "every call costs what it did" in usage(house, *ask, "--apply")[1], 20, "nothing is left to do")
    code, out, error = usage(house, "rebuild", "--from", yesterday(), "--dry-run")
    assert code == 0 and "every cell is what its calls come to" in out, out + error
