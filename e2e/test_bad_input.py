"""Bad input from clients and providers: a clear error in the client's dialect or a clean close, and no growth."""

import json
import socket
import time

import pytest

from harness.process import eventually, memory_bytes
from harness.upstream import script

CHAT, MESSAGES, EMBEDDINGS = "/v1/chat/completions", "/v1/messages", "/v1/embeddings"
TEXT = [{"role": "user", "content": "hi"}]
# Growth of the gateway's memory that one test may cause, beside what its buffers hold at the time.
GROWTH_BYTES_MAX = 64 << 20


@pytest.fixture
def raw(up, key):
    """Sends bytes over a socket of its own and reads until the other side closes or has answered."""
    sockets = []

    def connect():
        client = socket.create_connection(("127.0.0.1", up.port), timeout=20)
        sockets.append(client)
        return client

    connect.key = key
    yield connect
    for client in sockets:
        client.close()


def head(key, length, path=CHAT, extra=""):
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n{extra}\r\n"
    ).encode()


def answer(client):
    """Status and body of one answer, or None when the connection was closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return None
        data += piece
    headers, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0]):
        body += client.recv(65536)
    return int(headers.split()[1]), body.decode("utf-8", "replace")


def send(api, path, content):
    content = content if isinstance(content, bytes) else content.encode()
    return api.post(path, content=content, headers={"content-type": "application/json"})


def is_clear(response, path, status=400):
    """The dialect's own error with a sentence in it."""
    assert response.status_code == status, response.text
    body = response.json()
    if path == MESSAGES:
        assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error" and len(body["error"]["message"]) > 15
    return body["error"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES, EMBEDDINGS])
@pytest.mark.parametrize("content", [
    "", "{", "nonsense", '{"model": "oai", "messages": [}', '{"model": "oai"} trailing', b'{"model": "o\xff\xfe"}',
    '{"model": "oai", "model": "ant", "messages": []}', "\x00\x00", '{"model": "\ud83d"}'.encode("utf-8", "surrogatepass"),
], ids=["empty", "open", "word", "broken", "trailing", "not-utf8", "twice", "zeros", "surrogate"])
def test_what_is_not_json(api, path, content):
    is_clear(send(api, path, content), path)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("content", ["[]", '"text"', "1", "null"])
def test_json_that_is_no_object(api, path, content):
    response = send(api, path, content)
    assert response.status_code in (400, 500) and response.json()["error"]["message"]


@pytest.mark.parametrize("fields", [
    {"model": 7}, {"model": None}, {"model": ["oai"]}, {"model": {}}, {"messages": "hi"}, {"messages": {}}, {"messages": [7]},
    {"messages": None}, {"stream": "yes"}, {"max_tokens": "many"}, {"max_tokens": -5},
    {"messages": [{"role": "wizard", "content": "hi"}]}, {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
    {"messages": []}, {"tools": "hammer"}, {"tools": [{"type": "function"}]}, {"stop": {"a": 1}}, {"n": 1e30},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}]}]},
], ids=lambda fields: json.dumps(fields)[:48])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_wrong_types_are_refused_not_swallowed(api, model, fields):
    """Whoever notices, the client hears of it, and nothing breaks."""
    response = api.post(CHAT, {"model": model, "messages": TEXT, **fields})
    if response.status_code == 200:
        # A field that does not matter to this provider may pass.
        assert set(fields) & {"stop", "n", "max_tokens", "stream", "tools"}, fields
        return
    assert 400 <= response.status_code < 500, response.text
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("path, fields", [
    (MESSAGES, {"messages": "hi"}), (MESSAGES, {"max_tokens": "x"}), (MESSAGES, {"messages": [{"role": "user", "content": [{"type": "x"}]}]}),
    (EMBEDDINGS, {"model": "embed", "input": None}), (EMBEDDINGS, {"model": "embed", "input": {}}),
])
def test_wrong_types_elsewhere(api, path, fields):
    for model in ("oai", "ant"):
        response = api.post(path, {"model": model, "messages": TEXT, "max_tokens": 5, **fields})
        assert 400 <= response.status_code < 500, response.text
        assert response.json()["error"]["message"]


@pytest.mark.parametrize("model", ["oai", "ant"])
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting(api, up, model, depth):
    content = '{"model":"' + model + '","messages":[{"role":"user","content":"hi"}],"x_deep":' + "[" * depth + "]" * depth + "}"
    response = send(api, CHAT, content)
    assert response.status_code in (200, 400), response.text[:300]
    assert api.chat("oai").status_code == 200, "the gateway is well"


def test_a_body_that_is_too_large(api, up, raw):
    client = raw()
    client.sendall(head(raw.key, 1 << 40))
    status, body = answer(client)
    assert status == 413 and "larger than the limit" in json.loads(body)["error"]["message"]


def test_a_chunked_body_that_never_ends(up, raw):
    gateway = up.role("gateway")
    before = memory_bytes(gateway)
    client = raw()
    client.sendall(head(raw.key, 0).replace(b"content-length: 0", b"transfer-encoding: chunked"))
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    try:
        while sent < 1 << 30:
            client.sendall(piece)
            sent += 0x10000
    except OSError:
        pass
    assert sent < 1 << 30, "the body was read without a bound"
    eventually(lambda: memory_bytes(gateway) < before + GROWTH_BYTES_MAX + (128 << 20), 10)


def test_huge_headers(raw, api):
    for extra in ("x-big: " + "a" * 2_000_000 + "\r\n", "".join(f"x-{n}: b\r\n" for n in range(5_000))):
        client = raw()
        try:
            client.sendall(head(raw.key, 2, extra=extra) + b"{}")
            found = answer(client)
        except ConnectionError:
            found = None
        assert found is None or found[0] in (400, 431)
    assert api.chat("oai").status_code == 200


@pytest.mark.parametrize("bytes_sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n"])
def test_what_is_not_http(raw, api, bytes_sent):
    client = raw()
    client.sendall(bytes_sent)
    client.shutdown(socket.SHUT_WR)
    try:
        found = answer(client)
    except ConnectionError:
        found = None
    assert found is None or 400 <= found[0] < 600
    assert api.chat("oai").status_code == 200


def test_a_request_smuggled_by_two_lengths(raw):
    client = raw()
    client.sendall(head(raw.key, 5, extra="transfer-encoding: chunked\r\n") + b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
    found = answer(client)
    assert found is None or found[0] == 400


def test_slow_clients_hold_nothing_up(raw, api):
    slow = [raw() for _ in range(50)]
    for client in slow:
        client.sendall(head(raw.key, 10_000) + b'{"model":')
    started = time.monotonic()
    for _ in range(20):
        assert api.chat("oai").status_code == 200
    assert time.monotonic() - started < 5


def test_clients_that_leave_while_they_send(raw, api, up, upstream):
    before = upstream.counts().get("up-openai", {}).get("started", 0)
    for _ in range(50):
        client = raw()
        client.sendall(head(raw.key, 10_000) + b'{"model":"oai","messages":[')
        client.close()
    assert api.chat("oai").status_code == 200
    assert upstream.counts()["up-openai"]["started"] == before + 1


@pytest.mark.parametrize("fault", ["not_json", "empty", "close", "reset", "not_http", "cut_after=1", "half_after=0"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_provider_that_answers_nonsense(api, admin, model, path, fault):
    text, _ = script(fault)
    response = api.post(path, {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": text}]})
    assert response.status_code >= 500, response.text
    error = response.json()["error"]
    assert error["message"] and (path == CHAT or response.json()["type"] == "error")
    assert admin.row(response.headers["x-litellm-call-id"])["status"] in ("failure", "upstream_error")


def stream(api, path, model, words):
    text, name = script(words)
    body = {"model": model, "max_tokens": 500, "stream": True, "messages": [{"role": "user", "content": text}]}
    lines = []
    with api.http.stream("POST", path, json=body) as response:
        if response.status_code != 200:
            response.read()
            return response, lines, name
        lines.extend(line for line in response.iter_lines() if line)
    return response, lines, name


@pytest.mark.parametrize("fault", ["not_json", "empty", "close", "reset", "not_http", "cut_after=0", "reset_after=0", "garbage_after=0", "error_after=0"])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_stream_that_never_starts_is_a_plain_error(api, model, fault):
    response, _, _ = stream(api, CHAT, model, fault)
    assert response.status_code >= 500, (response.status_code, response.text if not response.is_stream_consumed else "")
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_chat_stream_that_just_ends_is_ended_properly(api, model):
    _, lines, _ = stream(api, CHAT, model, "words=50 end_after=8")
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line[6:]) for line in lines[:-1] if line.startswith("data: ")]
    reasons = [choice.get("finish_reason") for event in events for choice in event["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]


@pytest.mark.parametrize("fault", ["garbage_after=8", "error_after=8", "cut_after=8", "half_after=8", "reset_after=8"])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_an_error_inside_a_chat_stream(api, model, fault):
    _, lines, _ = stream(api, CHAT, model, f"words=50 {fault}")
    assert "data: [DONE]" not in lines
    error = json.loads(lines[-1][6:])["error"]
    assert error["message"] and set(error) >= {"message", "type", "param", "code"}


@pytest.mark.parametrize("fault", ["garbage_after=8", "error_after=8", "cut_after=8", "half_after=8"])
@pytest.mark.parametrize("model", ["oai", "ant"])
def test_an_error_inside_a_messages_stream(api, model, fault):
    _, lines, _ = stream(api, MESSAGES, model, f"words=50 {fault}")
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert events[-1]["type"] in ("error", "message_stop")
    if fault.startswith(("garbage", "error")):
        assert "event: error" in lines and events[-1]["error"]["message"]


def test_a_provider_that_stalls_is_left_when_the_client_leaves(api, upstream):
    text, name = script("words=50 stall_after=5")
    body = {"model": "oai", "stream": True, "messages": [{"role": "user", "content": text}]}
    with api.http.stream("POST", CHAT, json=body) as response:
        lines = response.iter_lines()
        next(lines)
    assert upstream.ended(name, 2)["ended"] == "disconnected"


@pytest.mark.parametrize("model", ["oai", "ant"])
def test_a_huge_answer_passes_and_is_not_kept(api, up, model):
    gateway = up.role("gateway")
    before = memory_bytes(gateway)
    size = 8 << 20
    answer = api.ok(api.chat(model, script(f"huge={size}")[0]))
    assert len(answer["choices"][0]["message"]["content"]) == size
    eventually(lambda: memory_bytes(gateway) < before + GROWTH_BYTES_MAX, 10)


def test_an_endless_event_is_cut_off(api, up):
    """One event larger than any provider sends: an error or a clean end, not memory without a bound."""
    gateway = up.role("gateway")
    before = memory_bytes(gateway)
    try:
        stream(api, CHAT, "oai", f"huge={48 << 20}")
    except Exception:
        pass
    eventually(lambda: memory_bytes(gateway) < before + GROWTH_BYTES_MAX, 10)
    assert api.chat("oai").status_code == 200


def test_a_client_that_reads_slowly_does_not_fill_the_memory(up, raw, upstream):
    """The provider is made to wait: what is under way lies in the sockets' buffers, not in the gateway."""
    gateway = up.role("gateway")
    before = memory_bytes(gateway)
    text, name = script("huge=16384 repeat=32768")
    body = json.dumps({"model": "oai", "stream": True, "messages": [{"role": "user", "content": text}]}).encode()
    client = raw()
    client.sendall(head(raw.key, len(body)) + body)
    client.recv(1024)
    eventually(lambda: stands_still(upstream, name), 20, "the provider's waiting")
    assert memory_bytes(gateway) < before + GROWTH_BYTES_MAX
    client.close()
    assert upstream.ended(name, 3)["ended"] == "disconnected"


def stands_still(upstream, name):
    seen = upstream.call(name)["events_sent"]
    time.sleep(0.3)
    call = upstream.call(name)
    assert call["ended"] is None, "the provider was not made to wait"
    return call["events_sent"] == seen
