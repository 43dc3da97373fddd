"""Two backends on a writer and a streaming replica that is 30 seconds behind, and then gone."""

import random
import shutil
import tempfile
from pathlib import Path

import httpx
import pytest

from harness.bulkhead import Api, config, new_master_key, role, run
from harness.postgres import Postgres, Replica
from harness.process import eventually

LAG_SECONDS = 30
FLOWS = 1_000
DATABASE = "reader"


# How each is made, listed and deleted.
NOUNS = [
    ("/team/new", "team_id", {}, "/v2/team/list", ("POST", "/team/delete", "team_ids")),
    ("/organization/new", "organization_id", {"organization_alias": "o"}, "/organization/list",
     ("DELETE", "/organization/delete", "organization_ids")),
    ("/customer/new", "user_id", {}, "/customer/list", ("POST", "/customer/delete", "user_ids")),
    ("/tag/new", "name", {}, "/tag/list", ("POST", "/tag/delete", "name")),
    ("/budget/new", "budget_id", {}, "/budget/list", ("POST", "/budget/delete", "id")),
]


class Pair:
    """Two backends, asked in turn: what one wrote the other must show."""

    def __init__(self, log_dir, upstream, writer, replica):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-pair-"))
        (self.home / "config.yaml").write_text(config(upstream))
        env = {
            "LITELLM_MASTER_KEY": new_master_key(),
            "DATABASE_URL": f"postgresql://bulkhead@127.0.0.1:{writer.port}/{DATABASE}",
            "DATABASE_URL_READ_REPLICA": replica.url_of(DATABASE),
        }
        started = [
            role("backend", log_dir, ["--port", 0, "--data-dir", self.home / str(number)], env, self.home)
            for number in range(2)
        ]
        self.processes = [process for process, _ in started]
        self.apis = [Api(url, env["LITELLM_MASTER_KEY"]) for _, url in started]

    def reads(self):
        """Where both sent their reads."""
        said = [httpx.get(f"{api.http.base_url}/health/readiness").json()["reader"] for api in self.apis]
        return {name: sum(one[name] for one in said) for name in said[0]}

    def close(self):
        for api in self.apis:
            api.close()
        for process in self.processes:
            process.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def writer(log_dir, upstream):
    writer = Postgres(log_dir)
    url = writer.database(DATABASE)
    code, out, error = run(["migrate", "up"], env={"LITELLM_MASTER_KEY": new_master_key(), "DATABASE_URL": url})
    assert code == 0, out + error
    yield writer
    writer.close()


@pytest.fixture(scope="module")
def replica(log_dir, writer):
    replica = Replica(log_dir, writer, LAG_SECONDS)
    yield replica
    replica.close()


@pytest.fixture(scope="module")
def pair(log_dir, upstream, writer, replica):
    pair = Pair(log_dir, upstream, writer, replica)
    yield pair
    pair.close()


class Flow:
    """One key from its making to its end; each step is shown by whichever backend is asked."""

    def __init__(self, chance, apis, number):
        self.chance, self.apis, self.alias = chance, apis, f"flow-{number}"

    @property
    def api(self):
        return self.chance.choice(self.apis)

    def listed(self):
        found = self.api.ok(self.api.get("/key/list", params={"key_alias": self.alias, "return_full_object": True}))
        return found["keys"]

    def run(self):
        key = self.api.generate(key_alias=self.alias, max_budget=1)["key"]
        (row,) = self.listed()
        assert row["max_budget"] == 1
        budget = self.chance.randrange(2, 100)
        self.api.ok(self.api.post("/key/update", {"key": key, "max_budget": budget}))
        assert self.api.ok(self.api.get("/key/info", params={"key": key}))["info"]["max_budget"] == budget
        (row,) = self.listed()
        assert row["max_budget"] == budget
        if self.chance.random() < 0.5:
            self.api.ok(self.api.post("/key/block", {"key": key}))
            (row,) = self.listed()
            assert row["blocked"] is True
        entries = self.api.ok(self.api.get("/audit", params={"object_id": row["token"]}))["audit_logs"]
        assert len(entries) == 2 + row["blocked"]
        self.api.ok(self.api.post("/key/delete", {"keys": [key]}))
        assert self.listed() == []
        if self.chance.random() < 0.3:
            self.run_noun(*self.chance.choice(NOUNS))

    def run_noun(self, new, field, more, path, delete):
        """One of those whose lists share their code."""
        self.api.ok(self.api.post(new, {field: self.alias, **more}))
        assert self.alias in self.api.get(path).text
        method, where, names = delete
        names = {names: [self.alias] if names.endswith("s") else self.alias}
        self.api.ok(self.api.http.request(method, where, json=names))
        assert self.alias not in self.api.get(path).text


def flows(pair, count, seed):
    chance = random.Random(seed)
    for number in range(count):
        Flow(chance, pair.apis, f"{seed}-{number}").run()


def test_nobody_misses_their_own_writes_when_the_reader_is_behind(pair):
    before = pair.reads()
    flows(pair, FLOWS, 1)
    after = pair.reads()
    assert after["behind"] - before["behind"] >= FLOWS and after["away"] == before["away"]


def test_a_reader_that_has_caught_up_serves(pair, replica):
    """No write since: within its lag the reader has seen them all."""
    api = pair.apis[0]

    def served():
        before = pair.reads()["served"]
        api.ok(api.get("/key/list"))
        return pair.reads()["served"] > before

    eventually(served, LAG_SECONDS + 15, "the reader to serve")
    assert api.ok(api.get("/key/list"))["total_count"] == 0
    for path in ("/key/aliases", "/user/list", "/spend/logs", "/global/spend", "/audit", *(noun[3] for noun in NOUNS)):
        before = pair.reads()["served"]
        api.ok(api.get(path))
        assert pair.reads()["served"] > before, path


def test_nobody_notices_that_the_reader_is_gone(pair, replica):
    replica.stop()
    before = pair.reads()
    flows(pair, 50, 2)
    after = pair.reads()
    assert after["away"] - before["away"] >= 50 and after["served"] == before["served"]


def test_a_reader_that_comes_back_is_asked_again(pair, replica):
    replica.start()
    api = pair.apis[0]
    before = pair.reads()

    def asked():
        api.ok(api.get("/key/list"))
        now = pair.reads()
        return now["served"] + now["behind"] > before["served"] + before["behind"]

    eventually(asked, 15, "the reader to be asked")
