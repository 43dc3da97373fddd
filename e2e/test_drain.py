"""Stopping without failing anybody: not ready first, then no new connections, while what is open goes on."""

import signal
import socket

import httpx

from harness.process import eventually
from harness.solo import CHAT, Stream
from harness.upstream import script
from harness.wire import Http2

LONG = "words=150 gap_ms=20"


def refused(url):
    try:
        httpx.get(url + "/health/readiness", timeout=2)
        return False
    except httpx.ConnectError:
        return True


def test_listening_goes_on_until_load_balancers_have_heard(solo):
    solo.start("--drain-delay-seconds", 2, "--health-port", 0)
    probes = solo.process.wait_for(r"probes at: (http://\S+)")[1]
    eventually(lambda: httpx.get(probes + "/health/readiness").json()["status"] == "healthy", 5, "the gateway to be ready")
    with httpx.Client(base_url=solo.url, headers={"authorization": f"Bearer {solo.api.key}"}) as kept:
        assert kept.get("/v1/models").headers.get("connection") != "close"
        stream = Stream(solo, "words=300 gap_ms=20").begun()
        solo.process.send(signal.SIGTERM)
        # Asked at the door and at the port of its own.
        for url in (solo.url, probes):
            answer = eventually(lambda: (got := httpx.get(url + "/health/readiness")).status_code == 503 and got, 2)
            assert answer.json() == {"status": "shutting_down"}
        # Whoever comes all the same is served, and told to go elsewhere next time.
        for client in (kept, solo.api.http):
            body = {"model": "oai", "messages": [{"role": "user", "content": "hi"}]}
            response = client.post(CHAT, json=body)
            assert response.status_code == 200 and response.headers["connection"] == "close"
    eventually(lambda: refused(solo.url), 10, "a closed door")
    assert stream.is_alive() and httpx.get(probes + "/health/readiness").status_code == 503
    stream.join(30)
    assert stream.broke is None and stream.lines[-2] == "data: [DONE]"
    assert solo.process.stop(signal.SIGCONT) == 0


def test_idle_connections_are_closed_and_open_streams_are_not(solo):
    solo.start("--drain-delay-seconds", 0)
    idle = socket.create_connection(("127.0.0.1", int(solo.url.rsplit(":", 1)[1])), timeout=10)
    idle.sendall(b"GET /health/liveness HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert b"alive" in idle.recv(65536)
    stream = Stream(solo, LONG).begun()
    text, _ = script(LONG)
    body = {"model": "oai", "stream": True, "messages": [{"role": "user", "content": text}]}
    second = Http2(int(solo.url.rsplit(":", 1)[1]), solo.api.key, CHAT, body, "drained")
    second.send()
    answer = second.read()
    solo.process.send(signal.SIGTERM)
    assert idle.recv(65536) == b""
    assert stream.is_alive()
    # The frames as they come: the library takes no more once it was told that the connection is to end.
    while b"[DONE]" not in answer:
        piece = second.socket.recv(65536)
        assert piece, "cut off"
        answer += piece
    second.close()
    stream.join(30)
    assert stream.broke is None and stream.lines[-2] == "data: [DONE]"
    assert solo.process.stop(signal.SIGCONT) == 0
