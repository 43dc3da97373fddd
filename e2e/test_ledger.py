"""What the ledger keeps through crashes, retries and signals: one row an attempt, requests counted once."""

import itertools
import os
import signal
import sqlite3
import threading
import time

import httpx
import pytest

from harness.bulkhead import Up, config, cost_nano, nano, new_master_key
from harness.process import eventually
from harness.solo import Stream
from harness.upstream import script

CHAT = "/v1/chat/completions"


def strict(text):
    return text + "bulkhead_settings:\n  journal_strict: true\n"


def fill_disk(up):
    """Puts the kernel's full device where each worker makes its first journal file; removing them makes room."""
    (folder,) = [path for path in (up.data_dir / "journal").iterdir() if path.is_dir()]
    links = [folder / f"{writer:04}-0000000001.journal" for writer in range(1, 1 + os.cpu_count())]
    for link in links:
        assert not link.exists(), "no call has been made yet"
        link.symlink_to("/dev/full")
    return links


def metric(up, name):
    text = up.admin.get("/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.split()[1])


@pytest.fixture
def own(log_dir, upstream):
    """`bulkhead up` of a test's own, to be killed."""
    up = Up(log_dir, config(upstream), new_master_key())
    yield up
    up.close()


def rows(admin, call_id, count, seconds=15):
    """The rows of a call id, oldest first, once there are so many."""
    def look():
        found = admin.ok(admin.get("/spend/logs", params={"request_id": call_id}))
        assert len(found) <= count, found
        return len(found) == count and sorted(found, key=lambda row: row["event_id"])
    return eventually(look, seconds, f"{count} rows of {call_id}")


def outcomes(found):
    return [(row["metadata"]["outcome"], row["metadata"]["superseded"]) for row in found]


class Caller(threading.Thread):
    """Makes one call after the other until the gateway is gone; knows the ids of its calls."""

    numbers = itertools.count()

    def __init__(self, up, key, model, stream):
        super().__init__(daemon=True)
        self.http = httpx.Client(base_url=up.url, headers={"authorization": f"Bearer {key}"}, timeout=30)
        self.model, self.stream, self.done, self.open = model, stream, [], None

    def run(self):
        words = "in=700 words=250 gap_ms=10" if self.stream else "in=700 out=120 delay_ms=1500"
        try:
            while True:
                text, name = script(words)
                self.open = (f"call-{os.getpid()}-{next(self.numbers)}", name)
                body = {"model": self.model, "stream": self.stream, "messages": [{"role": "user", "content": text}]}
                response = self.http.post(CHAT, json=body, headers={"x-litellm-call-id": self.open[0]})
                assert response.status_code == 200 and (not self.stream or response.text.rstrip().endswith("[DONE]"))
                self.done.append(self.open)
        except httpx.TransportError:
            self.http.close()


def test_interrupted_calls_are_charged_near_the_providers_count(own, upstream):
    """Streams are held against what the provider sent; whole answers against their whole, as the rule has it."""
    key = own.admin.generate()["key"]
    callers = [Caller(own, key, model, stream) for model in ("oai", "ant") for stream in (True, False) for _ in range(10)]
    for number, caller in enumerate(callers):
        # Not all at once, so that the kill meets each at another moment of its call.
        eventually(lambda: len(callers[number - 1].done) or number == 0 or callers[number - 1].open, 10)
        caller.start()
        eventually(lambda: upstream.calls(caller.open[1]), 10)
    eventually(lambda: all(len(caller.done) >= 2 for caller in callers), 30, "two whole calls of each")
    os.kill(own.role("gateway"), signal.SIGKILL)
    for caller in callers:
        caller.join(30)
    eventually(lambda: own.admin.get("/health/readiness").status_code == 200, 20, "a new gateway")

    due = charged = 0
    for caller in callers:
        for call_id, name in caller.done:
            (row,) = rows(own.admin, call_id, 1)
            assert nano(row["spend"]) == cost_nano(upstream.ended(name)["billed"]) and row["status"] == "success"
        call_id, name = caller.open
        if not upstream.calls(name):
            continue
        (row,) = rows(own.admin, call_id, 1)
        if row["status"] == "success":
            continue
        assert row["metadata"]["outcome"] == "interrupted" and row["metadata"]["usage_estimated"]
        billed = upstream.ended(name)["billed"]
        due += cost_nano(billed if caller.stream else {**billed, "output": 120})
        charged += nano(row["spend"])
    assert due > 0 and abs(charged / due - 1) < 0.10, f"{charged} charged for {due}"


def test_a_long_stream_is_charged_as_far_as_its_last_mark(own, upstream):
    text, name = script("in=50 words=600 gap_ms=10")
    with own.admin.http.stream("POST", CHAT, json={
        "model": "ant", "stream": True, "messages": [{"role": "user", "content": text}],
    }) as response:
        call_id = response.headers["x-litellm-call-id"]
        eventually(lambda: upstream.call(name)["events_sent"] > 250, 20, "two and a half seconds of a stream")
        os.kill(own.role("gateway"), signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            response.read()
    billed = upstream.ended(name)["billed"]
    eventually(lambda: own.admin.get("/health/readiness").status_code == 200, 20, "a new gateway")
    (row,) = rows(own.admin, call_id, 1)
    assert row["metadata"]["outcome"] == "interrupted" and row["prompt_tokens"] == 50
    # Marks come once a second and words a hundred times, of about five characters each.
    assert abs(row["completion_tokens"] - billed["output"]) < 150, (row, billed)
    assert row["completionStartTime"] < row["endTime"]


def test_a_retried_request_counts_once_and_leaves_a_row_an_attempt(own, upstream):
    admin = own.admin
    text, name = script("status=500 times=1 in=10 out=5")
    response = admin.post(CHAT, {"model": "oai", "messages": [{"role": "user", "content": text}]},
                          headers={"x-litellm-num-retries": "2"})
    assert response.status_code == 200
    found = rows(admin, response.headers["x-litellm-call-id"], 2)
    assert outcomes(found) == [("upstream_error", True), ("success", False)]
    assert len(upstream.calls(name)) == 2 and found[0]["spend"] == 0 and found[1]["spend"] > 0

    text, name = script("status=500")
    response = admin.post(CHAT, {"model": "ant", "messages": [{"role": "user", "content": text}]},
                          headers={"x-litellm-num-retries": "2"})
    assert response.status_code == 500
    found = rows(admin, response.headers["x-litellm-call-id"], 3)
    assert outcomes(found) == [("upstream_error", True), ("upstream_error", True), ("upstream_error", False)]
    total = admin.ok(admin.get("/analytics/overview", params={"period": "24h"}))["total"]
    assert (total["requests"], total["errors"]) == (2, 1)


def test_a_client_that_leaves_between_attempts_is_counted(own, upstream):
    """The first attempt has failed, the second is not yet made."""
    text, name = script("status=500 retry_after=20")
    with httpx.Client(base_url=own.url, timeout=1, headers=own.admin.http.headers) as impatient:
        call_id = f"left-{os.getpid()}"
        with pytest.raises(httpx.ReadTimeout):
            impatient.post(CHAT, json={"model": "oai", "messages": [{"role": "user", "content": text}]},
                           headers={"x-litellm-num-retries": "1", "x-litellm-call-id": call_id})
    found = rows(own.admin, call_id, 2)
    assert outcomes(found) == [("upstream_error", True), ("cancelled", False)]
    assert len(upstream.calls(name)) == 1
    total = own.admin.ok(own.admin.get("/analytics/overview", params={"period": "24h"}))["total"]
    assert (total["requests"], total["errors"], total["cancellations"]) == (1, 0, 1)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_full_disk_refuses_calls_in_strict_mode(log_dir, upstream, path):
    up = Up(log_dir, strict(config(upstream)), new_master_key())
    try:
        key = up.admin.with_key(up.admin.generate()["key"])
        links = fill_disk(up)
        text, name = script()
        body = {"model": "oai", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
        refused = key.post(path, body)
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-bulkhead-error-source"] == "gateway"
        error = refused.json()["error"]
        assert "disk" in error["message"] and ("code" in error) == (path != "/v1/messages")
        assert upstream.calls(name) == [], "no provider was asked"
        assert up.admin.get("/health/readiness").status_code == 200
        # The intent, and the row of the refusal.
        eventually(lambda: metric(up, "bulkhead_journal_refused_records") == 2, 5)
        for link in links:
            link.unlink()
        answered = key.post(path, body)
        assert answered.status_code == 200
        assert up.admin.row(answered.headers["x-litellm-call-id"])["status"] == "success"
    finally:
        up.close()


def test_a_full_disk_serves_and_loses_nothing_by_default(own, upstream):
    key = own.admin.with_key(own.admin.generate()["key"])
    links = fill_disk(own)
    served = [key.chat("oai", script()[0], stream=bool(n % 2)) for n in range(20)]
    assert {response.status_code for response in served} == {200}
    eventually(lambda: metric(own, "bulkhead_journal_waiting_records") == 40, 5)
    assert metric(own, "bulkhead_journal_refused_records") == 0
    for link in links:
        link.unlink()
    assert own.stop() == 0, "what waited is written and shipped at the latest when it ends"
    own.start()
    for response in served:
        (row,) = rows(own.admin, response.headers["x-litellm-call-id"], 1)
        assert row["status"] == "success" and row["spend"] > 0


def test_a_stop_drains_streams_ships_and_leaves_nothing(solo):
    solo.start()
    stream = Stream(solo, "words=150 gap_ms=10").begun()
    solo.process.send(signal.SIGTERM)
    # Not ready any more: nobody is let in, while the stream goes on.
    eventually(lambda: not_ready(solo.url), 2, "readiness off")
    assert stream.is_alive() and solo.process.popen.poll() is None
    stream.join(20)
    assert stream.broke is None and stream.lines[-2] == "data: [DONE]"
    assert solo.process.stop(signal.SIGCONT) == 0
    assert solo.rows() == [(stream.call_id, "success", 150, 0)]
    assert solo.journals() == [], "all of it was shipped before the end"


def not_ready(url):
    try:
        return httpx.get(url + "/health/readiness", timeout=2).status_code == 503
    except httpx.TransportError:
        return True


def test_a_stop_cuts_streams_at_the_drain_limit(solo, upstream):
    solo.start("--drain-seconds", 1)
    stream = Stream(solo, "words=2000 gap_ms=10").begun()
    asked = time.monotonic()
    assert solo.process.stop() == 0
    assert 0.9 < time.monotonic() - asked < 10
    stream.join(10)
    assert upstream.ended(stream.name)["ended"] == "disconnected"
    ((call_id, status, output, estimated),) = solo.rows()
    assert (call_id, status, estimated) == (stream.call_id, "cancelled", 1) and output > 50
    ((error,),) = solo.rows("error")
    assert error.startswith("the gateway was stopped"), error
    assert solo.journals() == []


def test_a_second_signal_ends_at_once_and_the_next_start_ships(solo, upstream):
    solo.start()
    done = [solo.api.chat("oai").headers["x-litellm-call-id"] for _ in range(10)]
    stream = Stream(solo, "words=2000 gap_ms=10").begun(300)
    solo.process.send(signal.SIGTERM)
    eventually(lambda: not_ready(solo.url), 2, "the first signal to be heard")
    asked = time.monotonic()
    assert solo.process.stop() != 0
    assert time.monotonic() - asked < 2, "at once"
    stream.join(10)
    assert len(solo.journals()) == 1, "kept for the next start"
    billed = upstream.ended(stream.name)["billed"]

    solo.start()
    eventually(lambda: len(solo.rows()) == 11, 15, "the rows of all calls")
    found = {call_id: (status, output, estimated) for call_id, status, output, estimated in solo.rows()}
    assert all(found[call_id][0] == "success" for call_id in done)
    status, output, estimated = found[stream.call_id]
    assert (status, estimated) == ("interrupted", 1) and abs(output - billed["output"]) < 150
    assert solo.process.stop() == 0 and solo.journals() == []


def test_every_outcome_is_reached(own, upstream):
    """By what the provider does: status, row, tokens."""
    def chat(words, stream=False, **headers):
        text, _ = script(words)
        body = {"model": "oai", "stream": stream, "messages": [{"role": "user", "content": text}]}
        response = own.admin.post(CHAT, body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        (row,) = rows(own.admin, response.headers["x-litellm-call-id"], 1)
        return response.status_code, row["metadata"]["outcome"], row["completion_tokens"] > 0

    assert chat("out=5") == (200, "success", True)
    assert chat("status=429") == (429, "upstream_error", False)
    assert chat("hang", x_litellm_timeout="0.3") == (408, "timed_out", False)
    assert chat("hang", stream=True, x_litellm_stream_timeout="0.3") == (408, "timed_out", False)
    assert chat("words=50 cut_after=20", stream=True) == (200, "upstream_error", True)


def test_a_failed_deployment_and_the_one_that_answered_have_a_row_each(solo):
    solo.start()
    response = solo.api.post(CHAT, {"model": "pair", "messages": [{"role": "user", "content": "hi"}]},
                             headers={"x-litellm-num-retries": "2"})
    assert response.status_code == 200 and response.headers["x-litellm-model-id"] == "id-alive"
    assert solo.process.stop() == 0
    with sqlite3.connect(solo.database) as database:
        found = database.execute("select call_id, deployment_id, status, superseded from usage_events order by id").fetchall()
    call_id = response.headers["x-litellm-call-id"]
    assert found[-1] == (call_id, "id-alive", "success", 0)
    assert found[:-1] and set(found[:-1]) == {(call_id, "id-pair", "upstream_error", 1)}


def test_short_streams_leave_no_marks_and_long_ones_few(solo):
    solo.start("--workers", 1)

    def marks():
        (folder,) = solo.journals()
        # The beginning of a record of this kind; see crates/ledger/src/record.rs.
        return sum(path.read_bytes().count(b"\xff\xb1\x81") for path in folder.glob("*.journal"))

    for _ in range(5):
        Stream(solo, "words=40 gap_ms=10").begun().join(20)
    assert marks() == 0
    began = time.monotonic()
    stream = Stream(solo, "words=350 gap_ms=10").begun()
    stream.join(30)
    assert stream.lines[-2] == "data: [DONE]"
    assert 2 <= marks() <= time.monotonic() - began
    assert solo.process.stop() == 0


def test_a_damaged_journal_is_kept_reported_and_in_nobodys_way(solo):
    """Of a gateway that was killed: one record in the middle is damaged, and the last one is cut."""
    solo.start("--workers", 1)
    ids = [solo.api.chat("oai").headers["x-litellm-call-id"] for _ in range(20)]
    solo.process.kill()
    (folder,) = solo.journals()
    journal = folder / "0001-0000000001.journal"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 0x55
    journal.write_bytes(content[:-3])

    solo.start()
    assert solo.api.chat("oai").status_code == 200
    eventually(lambda: solo.journals() != [folder] and folder not in solo.journals(), 10, "the end of the old journal")
    found = {call_id: status for call_id, status, _, _ in solo.rows()}
    # The damage takes one record, an intent or an outcome; the cut takes the last outcome.
    assert len([call_id for call_id in ids if call_id in found]) >= 19
    assert len([status for status in found.values() if status == "success"]) >= 18
    eventually(lambda: metric(solo, "bulkhead_journal_quarantined_files") == 1, 5)
    assert len(list((solo.home / "data" / "journal").glob("*.corrupt"))) == 1
    assert "held bytes that do not check" in solo.process.log()
    assert solo.process.stop() == 0
