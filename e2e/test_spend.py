"""The ledger: one row a call, exact to the nano-dollar, whatever ended the call."""

import datetime
import time

import pytest

from harness.bulkhead import cost_nano, nano
from harness.process import eventually
from harness.upstream import script

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def body(model, text, **fields):
    return {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **fields}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["oai", "ant"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["chat", "messages"])
def test_a_call_leaves_one_exact_row(admin, upstream, path, model, stream):
    made = admin.generate(key_alias=None)
    words = "in=1003 out=57 cached=600" + (" cache_write=77" if model == "ant" else "")
    text, name = script(words)
    with admin.with_key(made["key"]).http.stream("POST", path, json=body(model, text, stream=stream)) as response:
        assert response.status_code == 200
        response.read()
    billed = upstream.ended(name)["billed"]
    row = admin.row(response.headers["x-litellm-call-id"])
    assert nano(row["spend"]) == cost_nano(billed)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (billed["input"], billed["output"])
    assert row["total_tokens"] == billed["input"] + billed["output"]
    assert row["api_key"] == made["token"] and row["status"] == "success"
    assert (row["model_group"], row["model_id"]) == (model, f"id-{model}")
    assert row["custom_llm_provider"] == ("openai" if model == "oai" else "anthropic")
    assert row["startTime"] <= row["endTime"]
    spent = eventually(lambda: admin.ok(admin.get("/key/info", params={"key": made["key"]}))["info"]["spend"], 5)
    assert nano(spent) == cost_nano(billed), "the key's total is the row's cost"


def test_many_calls_at_once_add_up(admin, upstream):
    from concurrent.futures import ThreadPoolExecutor

    made = admin.generate()
    before = upstream.counts().get("up-openai", {"finished": 0, "billed": {"input": 0, "output": 0}})

    def one(n):
        with_key = admin.with_key(made["key"])
        text, name = script(f"in={100 + n} out={n}")
        answer = with_key.chat("oai", text, stream=bool(n % 2))
        with_key.close()
        return answer.status_code, name

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(1, 101)))
    assert {status for status, _ in answers} == {200}
    expected = sum((100 + n) * 3_000 + n * 15_000 for n in range(1, 101))
    after = upstream.counts()["up-openai"]
    assert after["finished"] - before["finished"] == 100

    def settled():
        spent = admin.ok(admin.get("/key/info", params={"key": made["key"]}))["info"]["spend"]
        return nano(spent) == expected
    eventually(settled, 15, f"a spend of {expected} nano-dollars")
    rows = admin.ok(admin.get("/spend/logs", params={"api_key": made["key"]}))
    assert len(rows) == 100 and sum(nano(row["spend"]) for row in rows) == expected


def test_global_spend_grows_by_what_was_spent(admin):
    before = nano(admin.ok(admin.get("/global/spend"))["spend"])
    text, _ = script("in=1000000 out=0")
    assert admin.chat("oai", text).status_code == 200
    eventually(lambda: nano(admin.ok(admin.get("/global/spend"))["spend"]) >= before + 3_000 * 1_000_000, 10)


def test_spend_by_day(admin):
    admin.row(admin.chat("oai").headers["x-litellm-call-id"])
    today = datetime.datetime.now(datetime.UTC).date()
    days = admin.ok(admin.get("/spend/logs", params={
        "start_date": str(today - datetime.timedelta(days=2)), "end_date": str(today),
    }))
    assert len(days) == 3, "days without spend are there too"
    assert days[-1]["spend"] > 0 and "oai" in str(days[-1]["models"]) or "up-openai" in str(days[-1]["models"])


def test_the_master_keys_calls_have_rows_too(admin):
    row = admin.row(admin.chat("oai").headers["x-litellm-call-id"])
    assert row["api_key"] == "litellm_proxy_master_key"


def test_tags_customer_and_metadata_are_kept(api, admin):
    response = api.post(CHAT, body("oai", "hi", user="customer-9", metadata={"tags": ["blue"], "k": "v"}),
                        headers={"x-litellm-tags": "green,red", "user-agent": "a-test/1"})
    row = admin.row(response.headers["x-litellm-call-id"])
    assert row["end_user"] == "customer-9"
    assert {"green", "red"} <= set(row["request_tags"])


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_failure_leaves_a_row_without_cost(api, admin, path, model):
    text, _ = script("status=500")
    response = api.post(path, body(model, text))
    assert response.status_code == 500
    row = admin.row(response.headers["x-litellm-call-id"])
    assert row["spend"] == 0 and row["status"] in ("failure", "upstream_error")


@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_stream_that_the_client_leaves_is_charged(admin, upstream, model):
    """The upstream call is closed at once, and what was used until then is on the bill."""
    made = admin.generate()
    text, name = script("words=400 gap_ms=10")
    with admin.with_key(made["key"]).http.stream("POST", CHAT, json=body(model, text, stream=True)) as response:
        lines = response.iter_lines()
        for _ in range(20):
            next(lines)
    left_us = time.time() * 1e6
    call = upstream.ended(name, 2)
    assert call["ended"] == "disconnected" and call["events_sent"] < 300
    assert call["ended_at_us"] - left_us <= 100_000
    row = admin.row(response.headers["x-litellm-call-id"])
    assert row["status"] == "failure" and row["metadata"]["outcome"] == "cancelled"
    assert 0 < row["completion_tokens"] <= 100
    assert nano(row["spend"]) > 0


@pytest.mark.parametrize("fault", ["cut_after=6", "end_after=6", "half_after=6", "reset_after=6"])
def test_a_stream_that_breaks_is_charged_for_what_came(api, admin, fault):
    text, _ = script(f"words=50 {fault}")
    with api.http.stream("POST", CHAT, json=body("oai", text, stream=True)) as response:
        try:
            response.read()
        except Exception:
            pass
    row = admin.row(response.headers["x-litellm-call-id"])
    assert 0 < row["completion_tokens"] < 40 and nano(row["spend"]) > 0
