"""Four time-outs, each with its own setting for each deployment: connect, first byte, idle, total. Whichever passes is
named to the client in its dialect, closes the call, and is what the ledger says."""

import json
import socket

import pytest

from harness.bulkhead import Up, config, deployment, new_master_key
from harness.process import eventually
from harness.upstream import script
from harness.wire import Http1, Http2

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SECONDS = 0.4
SENTENCES = {
    "connect_timeout": "connect time-out: no connection to the provider within 0.4 seconds",
    "first_byte_timeout": "first-byte time-out: no answer began within 0.4 seconds",
    "idle_timeout": "idle time-out: the provider sent nothing for 0.4 seconds",
    "total_timeout": "total time-out: no whole answer within 0.4 seconds",
}


@pytest.fixture(scope="module")
def deaf():
    """An address at which connecting takes forever: its backlog is full and nobody accepts."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    waiting = []
    while True:
        client = socket.socket()
        client.settimeout(0.3)
        waiting.append(client)
        try:
            client.connect(server.getsockname())
        except TimeoutError:
            break
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    for one in (*waiting, server):
        one.close()


@pytest.fixture(scope="module")
def gateway(log_dir, upstream, deaf):
    """A deployment for each time-out, and a group that goes on to a second deployment."""
    base = f"{upstream.url}/v1"
    names = [*SENTENCES, "timeout", "stream_timeout"]
    more = "".join(
        deployment(name, f"openai/up-{name}", deaf if name == "connect_timeout" else base, extra=f"\n      {name}: {SECONDS}")
        for name in names
    )
    more += deployment("either", "openai/up-either", deaf, extra=f"\n      connect_timeout: {SECONDS}\n      order: 1")
    more += deployment("either", "openai/up-either-2", base, extra="\n      order: 2").replace("id-either", "id-either-2")
    up = Up(log_dir, config(upstream, more=more), new_master_key())
    yield up
    up.close()


def body(model, text, stream):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 500, "stream": stream}


def outcome(gateway, response):
    return gateway.admin.row(response.headers["x-litellm-call-id"])["metadata"]["outcome"]


# What the provider does, and whether that is before anything has reached the client.
CASES = [
    ("connect_timeout", "", False, True),
    ("connect_timeout", "", True, True),
    ("first_byte_timeout", "hang", False, True),
    ("first_byte_timeout", "hang", True, True),
    ("first_byte_timeout", "stall_after=0", True, True),
    ("idle_timeout", "stall_after=1", False, True),
    ("idle_timeout", "words=50 stall_after=10", True, False),
    ("total_timeout", "hang", False, True),
    ("total_timeout", "stall_after=1", False, True),
    ("total_timeout", "hang", True, True),
    ("total_timeout", "words=4000 gap_ms=10", True, False),
]


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("name, words, stream, early", CASES, ids=[f"{c[0]}-{'stream' if c[2] else 'whole'}-{c[1]}" for c in CASES])
def test_each_is_named(gateway, upstream, path, name, words, stream, early):
    text, call = script(words)
    response = gateway.admin.post(path, body(name, text, stream))
    if early:
        assert response.status_code == 408, response.text
        error = response.json()["error"]
        assert error["type"] == ("invalid_request_error" if path == CHAT else "api_error")
        assert 0 < float(response.headers["x-litellm-timeout"]) < 2
    else:
        assert response.status_code == 200
        lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
        assert len(lines) > 5 and "[DONE]" not in response.text
        error = json.loads(lines[-1].removeprefix("data: "))["error"]
    assert error["message"].startswith("litellm.Timeout: ") and SENTENCES[name] in error["message"]
    assert outcome(gateway, response) == "timed_out"
    calls = upstream.calls(call)
    assert len(calls) == (0 if name == "connect_timeout" else 1)
    assert all(upstream.ended(call, 2)["ended"] == "disconnected" for _ in calls)


@pytest.mark.parametrize("name, stream, sentence", [
    ("timeout", False, SENTENCES["total_timeout"]),
    ("timeout", True, SENTENCES["first_byte_timeout"]),
    ("stream_timeout", True, SENTENCES["first_byte_timeout"]),
])
def test_the_compatible_names(gateway, upstream, name, stream, sentence):
    text, call = script("hang")
    response = gateway.admin.post(CHAT, body(name, text, stream))
    assert response.status_code == 408 and sentence in response.json()["error"]["message"]
    assert upstream.ended(call, 2)["ended"] == "disconnected"


@pytest.mark.parametrize("name", ["timeout", "stream_timeout"])
def test_a_stream_that_has_begun_may_last_longer_than_its_first_byte(gateway, name):
    text, _ = script("words=50 gap_ms=20")
    response = gateway.admin.post(CHAT, body(name, text, True))
    assert response.status_code == 200 and "[DONE]" in response.text


@pytest.mark.parametrize("name", ["first_byte_timeout", "idle_timeout"])
def test_an_answer_that_keeps_coming_is_not_cut(gateway, name):
    """Slower than the time-out as a whole, but never silent for so long."""
    text, _ = script("drip_us=2000 words=40")
    response = gateway.admin.post(CHAT, body(name, text, False))
    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["message"]["content"].startswith("w0 ")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_another_deployment_answers_while_nothing_has_reached_the_client(gateway, stream):
    text, _ = script("")
    response = gateway.admin.post(CHAT, {**body("either", text, stream), "num_retries": 1})
    assert response.status_code == 200, response.text
    assert response.headers["x-litellm-attempted-retries"] == "1"


def test_what_was_streamed_before_is_charged(gateway):
    text, _ = script("words=50 stall_after=20")
    response = gateway.admin.post(CHAT, body("idle_timeout", text, True))
    row = gateway.admin.row(response.headers["x-litellm-call-id"])
    assert row["metadata"]["outcome"] == "timed_out" and row["completion_tokens"] > 0 and row["spend"] > 0


@pytest.mark.parametrize("speak", [Http1, Http2])
def test_a_client_that_reads_nothing_is_given_up(log_dir, upstream, speak):
    """The gateway does not hold the call for it longer than `client_write_timeout`."""
    text = config(upstream) + "  client_write_timeout: 0.5\n"
    up = Up(log_dir, text, new_master_key())
    try:
        said, call = script("huge=100000 repeat=2000")
        client = speak(up.port, up.master_key, CHAT, body("oai", said, True), "unread")
        client.send()
        eventually(lambda: upstream.calls(call), 10, "the call")
        assert upstream.ended(call, 20)["ended"] == "disconnected"
        assert up.admin.row("unread")["metadata"]["outcome"] == "cancelled"
        client.close()
    finally:
        up.close()
