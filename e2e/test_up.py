"""`bulkhead up`: one command, its first start, its second, what it survives and how it ends."""

import os
import re
import signal
import stat
import threading
import time
from pathlib import Path

import httpx
import pytest

from harness.bulkhead import Api, Up, binary, config, environment, new_master_key, run
from harness.process import Process, children, eventually
from harness.upstream import script


def read_key(process):
    """The master key that the first start printed."""
    return process.wait_for(r"(sk-[A-Za-z0-9_-]{20,})", 10)[1]


@pytest.fixture
def fresh(log_dir, tmp_path):
    """`up` without configuration, master key or provider keys."""
    up = Up(log_dir, cwd=tmp_path)
    yield up
    up.close()


def test_the_first_start_makes_a_key_and_the_second_keeps_everything(fresh):
    master = read_key(fresh.process)
    printed = fresh.process.log()
    assert printed.count(master) >= 1
    curl = re.search(r"curl .*", printed.replace("\\\n", " "))
    assert curl, "a curl to paste"
    holders = [path for path in fresh.data_dir.rglob("*") if path.is_file() and master in path.read_text("utf-8", "replace")]
    assert len(holders) == 1, f"the key lies in {holders}"
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(fresh.data_dir.stat().st_mode) & 0o077 == 0

    admin = Api(fresh.url, master)
    made = admin.generate(key_alias="kept")
    key = admin.with_key(made["key"])
    answer = key.ok(key.chat("demo", "hello"))
    assert answer["choices"][0]["message"]["content"] and answer["model"] == "demo"
    call_id = key.chat("demo").headers["x-litellm-call-id"]
    row = admin.row(call_id)
    assert fresh.stop() == 0

    fresh.start()
    assert master not in fresh.process.log(), "printed once"
    again = Api(fresh.url, master)
    assert again.ok(again.get("/key/info", params={"key": made["key"]}))["info"]["key_alias"] == "kept"
    assert again.with_key(made["key"]).chat("demo").status_code == 200
    kept = again.ok(again.get("/spend/logs", params={"request_id": call_id}))
    assert kept == [row] or kept[0]["request_id"] == row["request_id"]


def test_it_needs_no_other_program(log_dir, tmp_path):
    """As in an image that holds the binary alone; the backend yields to the gateway all the same."""
    up = Up(log_dir, cwd=tmp_path, env={"PATH": "/nowhere"})
    try:
        assert httpx.get(up.url + "/ui/").status_code == 200
        niceness = lambda pid: {int(task.read_text().rsplit(")", 1)[1].split()[16]) for task in Path(f"/proc/{pid}/task").glob("*/stat")}
        own = os.nice(0)
        assert niceness(up.role("backend")) == {min(own + 10, 19)} and own in niceness(up.role("gateway"))
    finally:
        up.close()


def test_the_printed_curl_answers(fresh):
    """As pasted, from the lines that were printed."""
    import subprocess

    read_key(fresh.process)
    text = fresh.process.log()
    start = text.index("curl ")
    command = []
    for line in text[start:].splitlines():
        command.append(line)
        if not line.rstrip().endswith("\\"):
            break
    done = subprocess.run(["sh", "-c", "\n".join(command)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and '"choices"' in done.stdout, (command, done)


def test_the_demo_model_streams_and_says_what_it_is(fresh):
    api = Api(fresh.url, read_key(fresh.process))
    response = api.chat("demo", "hello", stream=True)
    assert response.text.rstrip().endswith("data: [DONE]") and response.text.count("data: ") > 3
    first, second = (api.ok(api.chat("demo", "hello"))["choices"][0]["message"]["content"] for _ in range(2))
    assert first == second and "demo" in first.lower()


def test_the_front_door_serves_everything_on_one_port(up, admin):
    page = httpx.get(up.url + "/", follow_redirects=True)
    assert page.status_code == 200 and "<html" in page.text.lower()
    assert admin.get("/key/list").status_code == 200
    assert admin.get("/v1/models").status_code == 200
    assert httpx.get(up.url + "/health/readiness").status_code == 200


def test_gateway_and_backend_are_processes_of_their_own(up):
    gateway, backend = up.role("gateway"), up.role("backend")
    assert gateway != backend
    assert os.getpriority(os.PRIO_PROCESS, backend) > os.getpriority(os.PRIO_PROCESS, gateway)


def test_killing_the_backend_fails_no_request(log_dir, upstream):
    up = Up(log_dir, config(upstream), new_master_key())
    try:
        made = up.admin.generate()
        key = made["key"]
        assert up.admin.with_key(key).chat("oai").status_code == 200
        stop, answers, ids = threading.Event(), [], []

        def chat(n):
            with httpx.Client(base_url=up.url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
                while not stop.is_set():
                    text, _ = script("words=20 gap_ms=2" if n % 2 else "")
                    body = {"model": "oai", "stream": bool(n % 2), "messages": [{"role": "user", "content": text}]}
                    response = client.post("/v1/chat/completions", json=body)
                    whole = not n % 2 or response.text.rstrip().endswith("[DONE]")
                    answers.append(response.status_code if whole else 0)
                    ids.append(response.headers.get("x-litellm-call-id"))

        threads = [threading.Thread(target=chat, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            reached = len(answers) + 30
            eventually(lambda: len(answers) >= reached, 20, "some answers")
            backend = up.role("backend")
            os.kill(backend, signal.SIGKILL)
            reached = len(answers) + 30
            eventually(lambda: len(answers) >= reached, 20, "answers without a backend")
            eventually(lambda: up.role("backend") != backend and up.admin.get("/key/list").status_code == 200, 20, "a new backend")
        stop.set()
        for thread in threads:
            thread.join(30)
        assert set(answers) == {200}, {status: answers.count(status) for status in set(answers)}
        eventually(
            lambda: len(up.admin.ok(up.admin.get("/spend/logs", params={"api_key": key, "page_size": 100}))) >= min(len(ids), 100), 15,
            "the rows of all calls",
        )
    finally:
        up.close()


def test_killing_the_gateway_loses_no_row(log_dir, upstream):
    up = Up(log_dir, config(upstream), new_master_key())
    try:
        key = up.admin.with_key(up.admin.generate()["key"])
        done = [key.chat("oai").headers["x-litellm-call-id"] for _ in range(20)]
        text, name = script("stall_after=5 words=50")
        with pytest.raises(httpx.HTTPError):
            with key.http.stream("POST", "/v1/chat/completions", json={
                "model": "oai", "stream": True, "messages": [{"role": "user", "content": text}],
            }) as response:
                lines = response.iter_lines()
                next(lines)
                running = response.headers["x-litellm-call-id"]
                os.kill(up.role("gateway"), signal.SIGKILL)
                for _ in lines:
                    pass
        eventually(lambda: up.admin.get("/health/readiness").status_code == 200, 20, "a new gateway")
        for call_id in done:
            assert up.admin.row(call_id)["status"] == "success"
        row = up.admin.row(running)
        assert row["status"] != "success" and row["spend"] > 0, "an interrupted call is charged with its estimate"
    finally:
        up.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_running_stream_is_let_end(log_dir, upstream, number):
    up = Up(log_dir, config(upstream), new_master_key())
    try:
        text, _ = script("words=30 gap_ms=30")
        with up.admin.http.stream("POST", "/v1/chat/completions", json={
            "model": "oai", "stream": True, "messages": [{"role": "user", "content": text}],
        }) as response:
            lines = response.iter_lines()
            next(lines)
            up.process.send(number)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]" and "w29" in rest[-4] + rest[-3] + rest[-2]
        assert up.process.popen.wait(20) == 0
    finally:
        up.close()


def test_nothing_is_left_behind(log_dir, upstream):
    up = Up(log_dir, config(upstream), new_master_key())
    roles = list(children(up.process.pid))
    assert len(roles) >= 2
    up.process.kill()
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in roles), 10, "the end of the roles")
    up.close()


def test_a_port_that_is_taken_is_said(log_dir, up, tmp_path):
    code, out, error = run(["up", "--host", "127.0.0.1", "--port", up.port, "--data-dir", tmp_path / "d"], cwd=tmp_path)
    assert code != 0 and str(up.port) in out + error and "in use" in out + error


@pytest.mark.parametrize("role", ["gateway", "backend"])
@pytest.mark.parametrize("master", ["", "sk-1234", "sk-short", "password", "sk-aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_weak_master_keys_are_refused_with_the_reason(tmp_path, role, master):
    arguments = [role, "--host", "127.0.0.1", "--port", 0, "--data-dir", tmp_path / "data"]
    code, out, error = run(arguments, env={"LITELLM_MASTER_KEY": master}, cwd=tmp_path, seconds=20)
    assert code != 0
    assert "master key" in (out + error).lower()
    assert "LITELLM_MASTER_KEY" in out + error, "where to set it is said"


def test_a_weak_master_key_may_be_permitted(log_dir, tmp_path):
    text = "model_list: []\ngeneral_settings:\n  master_key: sk-weak-but-mine\n  permit_weak_master_key: true\n"
    up = Up(log_dir, text, cwd=tmp_path)
    try:
        assert Api(up.url, "sk-weak-but-mine").get("/key/list").status_code == 200
    finally:
        up.close()


def test_help_and_version():
    code, out, _ = run(["--version"])
    assert code == 0 and re.match(r"bulkhead \d+\.\d+\.\d+", out)
    for command in ("up", "gateway", "backend", "ui", "migrate", "routes", "config", "doctor"):
        assert command in run(["--help"])[1]
