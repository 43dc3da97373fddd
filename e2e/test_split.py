"""The roles as separate processes on PostgreSQL behind nginx, and what a failing database does to them."""

import hashlib
import threading
from pathlib import Path

import httpx
import openai
import pytest

from harness.bulkhead import Api, config, new_master_key, nano, role, run
from harness.policy import postgres_digest
from harness.postgres import Postgres
from harness.process import eventually
from harness.split import Split
from harness.upstream import script


@pytest.fixture(scope="module")
def postgres(log_dir):
    postgres = Postgres(log_dir)
    yield postgres
    postgres.close()


@pytest.fixture(scope="module")
def split(log_dir, upstream, postgres):
    split = Split(log_dir, upstream, postgres)
    yield split
    split.close()


def test_migrating_twice_is_safe(split):
    code, out, error = run(["migrate", "up"], env=split.env, cwd=split.home)
    assert code == 0, out + error
    code, out, error = run(["migrate", "status"], env=split.env, cwd=split.home)
    assert code == 0, out + error


def test_everything_through_nginx(split, upstream):
    key = split.admin.generate(key_alias="behind nginx")["key"]
    with openai.OpenAI(base_url=f"{split.url}/v1", api_key=key, max_retries=0) as client:
        text, name = script("in=1000 out=10")
        raw = client.chat.completions.with_raw_response.create(model="ant", messages=[{"role": "user", "content": text}])
        assert "user=hello" in raw.parse().choices[0].message.content
        chunks = list(client.chat.completions.create(model="oai", messages=[{"role": "user", "content": "hi"}], stream=True))
        assert len(chunks) > 5
    row = split.admin.row(raw.headers["x-litellm-call-id"])
    assert nano(row["spend"]) == 1000 * 3_000 + 10 * 15_000
    page = httpx.get(split.url + "/", follow_redirects=True)
    assert page.status_code == 200 and "<html" in page.text.lower()
    assert httpx.get(split.url + "/health/readiness").status_code == 200


def test_each_role_answers_only_its_own(split):
    anyone = {name: Api(url, split.master_key) for name, url in split.urls.items()}
    assert anyone["gateway"].get("/key/list").status_code == 404
    assert anyone["backend"].chat("oai").status_code == 404
    assert anyone["backend"].get("/key/list").status_code == 200
    for name in ("gateway", "backend"):
        assert anyone[name].get("/health/liveliness").status_code == 200


def test_block_reaches_the_gateway_within_a_second(split):
    import time

    made = split.admin.generate()
    key = split.admin.with_key(made["key"])
    assert key.chat("oai").status_code == 200
    split.admin.ok(split.admin.post("/key/block", {"key": made["key"]}))
    started = time.monotonic()
    eventually(lambda: key.chat("oai").status_code == 401, 5)
    assert time.monotonic() - started < 1


def test_the_database_stops_under_load(split, postgres, upstream):
    """No request with a known key fails, and every row arrives after the database is back."""
    made = split.admin.generate()
    split.admin.ok(split.admin.with_key(made["key"]).chat("oai"))
    stop, answers, failures, ids = threading.Event(), [], [], []

    def chat(n):
        with httpx.Client(base_url=split.url, headers={"authorization": f"Bearer {made['key']}"}, timeout=30) as client:
            while not stop.is_set():
                text, _ = script("in=100 out=10")
                body = {"model": "oai", "stream": bool(n % 2), "messages": [{"role": "user", "content": text}]}
                try:
                    response = client.post("/v1/chat/completions", json=body)
                    (answers if response.status_code == 200 else failures).append(response.status_code)
                    ids.append(response.headers["x-litellm-call-id"])
                except Exception as error:  # any failure of a request counts
                    failures.append(repr(error))

    threads = [threading.Thread(target=chat, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()

    def go_on(count):
        reached = len(answers) + count
        eventually(lambda: failures or len(answers) >= reached, 30, f"{count} answers")

    try:
        go_on(50)
        postgres.stop()
        go_on(200)
        unknown = Api(split.url, "sk-never-seen-0123456789ab").chat("oai")
        assert unknown.status_code == 503 and unknown.headers["retry-after"], "never a wrong 401"
        assert httpx.get(split.urls["gateway"] + "/health/liveliness").status_code == 200
        go_on(100)
    finally:
        if postgres.process.popen.poll() is not None:
            postgres.start()
    go_on(50)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not failures, failures[:5]

    expected = len(ids) * (100 * 3_000 + 10 * 15_000)

    def arrived():
        info = split.admin.ok(split.admin.get("/key/info", params={"key": made["key"]}))["info"]
        first = 1  # the call before the load, whose cost is its own
        rows = postgres.sql("select count(*) from usage_events", split.database)
        return nano(info["spend"]) >= expected and int(rows) >= len(ids) + first
    eventually(arrived, 30, f"{len(ids)} rows")
    for call_id in ids[:: max(1, len(ids) // 20)]:
        assert nano(split.admin.row(call_id)["spend"]) == 100 * 3_000 + 10 * 15_000


def test_a_gateway_starts_while_the_database_is_away(split, postgres):
    made = split.admin.generate()
    key = Api(split.urls["gateway"], made["key"])
    assert key.chat("oai").status_code == 200
    narrow = split.admin.generate(models=["ant"])
    assert Api(split.urls["gateway"], narrow["key"]).chat("oai").status_code == 403
    split.processes["gateway"].stop()
    postgres.stop()
    try:
        split.restart("gateway")
        response = key.chat("oai")
        assert response.status_code == 200, "a key from the snapshot works"
        refused = Api(split.urls["gateway"], narrow["key"]).chat("oai")
        assert refused.status_code == 403, "and its limits hold"
        assert int(refused.headers["x-bulkhead-policy-age"]) < 300
        assert "x-bulkhead-policy-age" not in response.headers
        unknown = Api(split.urls["gateway"], "sk-never-seen-0123456789ab").chat("oai")
        assert unknown.status_code == 503 and unknown.headers["retry-after"]
        policy = httpx.get(split.urls["gateway"] + "/health/readiness").raise_for_status().json()["policy"]
        assert policy["stale"] and policy["loaded_from"] == "disk" and policy["seconds_since_sync"] < 300
        copy = (split.home / "gateway" / "policy.snapshot").read_bytes()
        assert hashlib.sha256(made["key"].encode()).digest() not in copy, "the copy is sealed"
    finally:
        postgres.start()
    assert split.admin.row(response.headers["x-litellm-call-id"], 20)["status"] == "success"
    fresh = split.admin.generate()
    eventually(lambda: Api(split.urls["gateway"], fresh["key"]).chat("oai").status_code == 200, 10)
    refused = Api(split.urls["gateway"], narrow["key"]).chat("oai")
    assert refused.status_code == 403 and "x-bulkhead-policy-age" not in refused.headers


def readiness(url):
    return httpx.get(url + "/health/readiness")


def test_readiness_tells_where_policy_stands(split, postgres):
    """Number, count and digest of all keys are the database's, whatever was written."""
    made = [split.admin.generate(key_alias=f"ünïcode \"{n}\"", tags=["t"], aliases={"b": "x", "a": "y"}) for n in range(3)]
    split.admin.ok(split.admin.post("/key/block", {"key": made[0]["key"]}))
    split.admin.ok(split.admin.post("/key/update", {"key": made[1]["key"], "max_budget": 0.5, "duration": "1h"}))
    split.admin.ok(split.admin.post("/key/delete", {"keys": [made[2]["key"]]}))

    def is_the_same():
        policy = readiness(split.urls["gateway"]).raise_for_status().json()["policy"]
        head, keys = postgres.sql("select seq, (select count(*) from keys) from policy_clock", split.database).split("|")
        told = (policy["sequence"], policy["keys"], policy["digest"], policy["stale"])
        return told == (int(head), int(keys), postgres_digest(postgres, split.database), False)
    eventually(is_the_same, 5, "the database's policy in the gateway")


def test_a_key_that_cannot_be_read_is_refused_alone(split, postgres):
    good, bad = split.admin.generate(), split.admin.generate()
    key = Api(split.urls["gateway"], bad["key"])
    assert key.chat("oai").status_code == 200
    where = f"where hash = '{hashlib.sha256(bad['key'].encode()).hexdigest()}'"
    models = postgres.sql(f"select models from keys {where}", split.database)
    postgres.sql(f"update keys set models = 'no JSON' {where}", split.database)
    postgres.sql("delete from policy_changes; update policy_clock set pruned_seq = seq + 1, seq = seq + 1", split.database)
    eventually(lambda: key.chat("oai").status_code == 500, 5)
    assert key.chat("oai").json()["error"]["type"] == "key_policy_unreadable"
    assert readiness(split.urls["gateway"]).json()["policy"]["unreadable_keys"] == 1
    assert Api(split.urls["gateway"], good["key"]).chat("oai").status_code == 200
    postgres.sql(f"update keys set models = '{models}' {where}", split.database)
    postgres.sql("update policy_clock set pruned_seq = seq + 1, seq = seq + 1", split.database)
    eventually(lambda: key.chat("oai").status_code == 200, 5)
    postgres.sql(f"update keys set models = 'no JSON' {where}", split.database)
    split.admin.ok(split.admin.post("/key/delete", {"keys": [bad["key"]]}))
    eventually(lambda: key.chat("oai").status_code == 401, 5)


def test_a_gateway_with_neither_copy_nor_database_lives_and_serves_the_master_key(split):
    env = {**split.env, "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing"}
    arguments = ["--port", 0, "--data-dir", split.home / "alone"]
    process, url = role("gateway", split.log_dir, arguments, env, split.home)
    try:
        assert httpx.get(url + "/health/liveliness").status_code == 200
        answer = readiness(url)
        assert answer.status_code == 503 and "no usable copy" in answer.json()["reason"]
        policy = answer.json()["policy"]
        assert (policy["loaded_from"], policy["keys"], policy["stale"], policy["seconds_since_sync"]) == ("nothing", 0, True, None)
        assert Api(url, split.master_key).chat("oai").status_code == 200
        unknown = Api(url, "sk-never-seen-0123456789ab").chat("oai")
        assert unknown.status_code == 503 and unknown.headers["retry-after"]
        assert unknown.headers["x-bulkhead-policy-age"] == "never"
    finally:
        process.stop()


def test_a_backend_without_a_database_answers_503(split, postgres):
    postgres.stop()
    try:
        response = split.admin.get("/key/list")
        assert response.status_code == 503
    finally:
        postgres.start()
    eventually(lambda: split.admin.get("/key/list").status_code == 200, 15)


def test_two_gateways_share_policy_and_ledger(split):
    arguments = ["--port", 0, "--data-dir", split.home / "second"]
    process, url = role("gateway", split.log_dir, arguments, split.env, split.home)
    try:
        made = split.admin.generate()
        second = Api(url, made["key"])
        ids = [second.chat("oai").headers["x-litellm-call-id"] for _ in range(3)]
        for call_id in ids:
            assert split.admin.row(call_id)["status"] == "success"
        split.admin.ok(split.admin.post("/key/block", {"key": made["key"]}))
        eventually(lambda: second.chat("oai").status_code == 401, 2)
    finally:
        process.stop()


@pytest.mark.parametrize("name", ["gateway", "backend"])
def test_a_role_stops_in_good_order(split, name):
    assert split.processes[name].stop() == 0
    split.restart(name)
    assert eventually(lambda: split.admin.with_key(split.master_key).chat("oai").status_code == 200, 10)
