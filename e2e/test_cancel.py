"""Cancel means cancel: whenever the client leaves, the call at the provider is closed within 100 ms, its slot and its
reservation are free, and it is settled once."""

import itertools
import os
import time

import pytest

from harness.bulkhead import Up, config, deployment, new_master_key
from harness.process import eventually
from harness.upstream import script
from harness.wire import Http1, Http1HalfClosed, Http1Pipelined, Http1Reset, Http2, Http2Closed

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
CLOSED_WITHIN_US = 100_000
CLIENTS = [Http1, Http1Reset, Http1HalfClosed, Http1Pipelined, Http2, Http2Closed]
# Room for one call at a time, by estimate: a reservation that is kept refuses the next.
BUDGET_USD, MAX_TOKENS = 0.009, 500
# A pipe in which nothing has moved for so long is full.
STILL_SECONDS = 0.5
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def gateway(log_dir, upstream):
    """Deployments with one slot each: a slot that is kept refuses the next call."""
    one = "\n      max_parallel_requests: 1"
    more = deployment("one", "openai/up-one", f"{upstream.url}/v1", extra=one)
    more += deployment("one-ant", "anthropic/up-one-ant", upstream.url, extra=one)
    up = Up(log_dir, config(upstream, more=more), new_master_key())
    yield up
    up.close()


def call_id():
    return f"cancel-{os.getpid()}-{next(_numbers)}"


def ask(text, model="one", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": MAX_TOKENS, **more}


@pytest.fixture
def leaver(gateway):
    """Makes clients that send at once, with a key of their own whose budget has room for one call."""
    made = []

    def make(kind, body, path=CHAT, share=1.0):
        client = kind(gateway.port, gateway.admin.generate(max_budget=BUDGET_USD)["key"], path, body, call_id())
        made.append(client)
        client.send(share)
        return client

    yield make
    for client in made:
        client.close()


def closed_in_time(upstream, name, client):
    call = upstream.ended(name, 5)
    assert call["ended"] == "disconnected"
    took = call["ended_at_us"] - client.left_us
    assert took <= CLOSED_WITHIN_US, f"closed after {took / 1000:.0f} ms"
    return call


def all_is_free(gateway, client, model="one", key=None):
    """The slot and the reservation serve the same key's next call."""
    api = gateway.admin.with_key(key or client.headers["authorization"].removeprefix("Bearer "))
    response = api.chat(model, "again", max_tokens=MAX_TOKENS)
    assert response.status_code == 200, response.text
    api.close()


def settled(gateway, client):
    row = gateway.admin.row(client.headers["x-litellm-call-id"])
    assert row["metadata"]["outcome"] == "cancelled", row
    return row


def prompt_is_charged(gateway, client):
    """Nothing of an answer was seen, but a provider bills a prompt that it has."""
    row = settled(gateway, client)
    assert row["prompt_tokens"] > 0 and row["completion_tokens"] == 0 and row["spend"] > 0, row
    assert row["metadata"]["usage_estimated"], row


def under_way(upstream, name, events=0):
    """Waits until the provider has begun, and has sent so many events."""
    eventually(lambda: (calls := upstream.calls(name)) and calls[0]["events_sent"] >= events, 10, f"call {name}")


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("words", ["hang", "stall_after=0"], ids=["before the head", "after the head"])
def test_before_the_first_byte(gateway, leaver, upstream, kind, stream, words):
    text, name = script(words)
    client = leaver(kind, ask(text, stream=stream))
    under_way(upstream, name)
    client.leave()
    closed_in_time(upstream, name, client)
    all_is_free(gateway, client)
    prompt_is_charged(gateway, client)


@pytest.mark.parametrize("kind", CLIENTS)
def test_in_the_middle_of_a_whole_answer(gateway, leaver, upstream, kind):
    text, name = script("stall_after=1")
    client = leaver(kind, ask(text))
    under_way(upstream, name, events=1)
    client.leave()
    closed_in_time(upstream, name, client)
    all_is_free(gateway, client)
    prompt_is_charged(gateway, client)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("model", ["one", "one-ant"])
@pytest.mark.parametrize("words", ["words=400 stall_after=20", "words=4000 gap_ms=5"], ids=["silent", "talking"])
def test_in_the_middle_of_a_stream(gateway, leaver, upstream, kind, model, words):
    text, name = script(words)
    client = leaver(kind, ask(text, model=model, stream=True), path=CHAT if model == "one" else MESSAGES)
    answer = b""
    while answer.count(b"data:") < 10:
        piece = client.read()
        assert piece, answer
        answer += piece
    under_way(upstream, name, events=20)
    client.leave()
    closed_in_time(upstream, name, client)
    all_is_free(gateway, client, model)
    row = settled(gateway, client)
    assert 0 < row["completion_tokens"] <= 400 and row["spend"] > 0


@pytest.mark.parametrize("kind", CLIENTS)
def test_while_the_client_does_not_read(gateway, leaver, upstream, kind):
    """The gateway is blocked writing, and the provider by the gateway."""
    text, name = script("huge=100000 repeat=2000")
    client = leaver(kind, ask(text, stream=True))

    seen = {"sent": 0, "at": time.monotonic()}

    def blocked():
        sent, now = upstream.call(name)["events_sent"], time.monotonic()
        if sent != seen["sent"]:
            seen.update(sent=sent, at=now)
        return sent > 0 and now - seen["at"] > STILL_SECONDS

    eventually(blocked, 20, "a full pipe")
    client.leave()
    closed_in_time(upstream, name, client)
    # What was used is charged, and here it is more than the budget.
    all_is_free(gateway, client, key=gateway.master_key)
    assert settled(gateway, client)["completion_tokens"] > 0


@pytest.mark.parametrize("kind", CLIENTS)
def test_in_the_pause_before_a_retry(gateway, leaver, upstream, kind):
    text, name = script("status=500 retry_after=20")
    client = leaver(kind, ask(text, num_retries=2))
    upstream.ended(name)
    client.leave()
    gone(gateway)
    assert len(upstream.calls(name)) == 1
    all_is_free(gateway, client)


@pytest.mark.parametrize("kind", CLIENTS)
def test_while_the_body_is_read(gateway, leaver, upstream, kind):
    text, name = script("")
    client = leaver(kind, ask(text + "x" * 100_000 if kind not in (Http2, Http2Closed) else text), share=0.5)
    eventually(lambda: in_flight(gateway) == 1, 10)
    client.leave()
    gone(gateway)
    assert upstream.calls(name) == []
    all_is_free(gateway, client)
    rows = gateway.admin.ok(gateway.admin.get("/spend/logs", params={"request_id": client.headers["x-litellm-call-id"]}))
    assert all(row["metadata"]["outcome"] == "cancelled" and row["spend"] == 0 for row in rows)


def in_flight(gateway):
    text = gateway.admin.get("/metrics").text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("bulkhead_requests_in_flight"))


def gone(gateway):
    eventually(lambda: in_flight(gateway) == 0, 10, "an idle gateway")
