"""The pods as the chart renders them, run for real: the binary gets their environment, runs as their user without
capabilities, on a root that cannot be written, with the folders that they mount."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import httpx
import pytest

from harness.bulkhead import Api, Up, binary, new_master_key, role, run, spawn
from harness.helm import CHART, EXAMPLES, ROOT, pods, render
from harness.nginx import Nginx
from harness.ports import free_port
from harness.postgres import Postgres, Replica
from harness.process import Process, eventually

# Handed on, and not read yet.
NOT_YET = {"REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_CLUSTER_NODES"}
DATABASE = "litellm"
# Mounts the folder and the binary, makes everything else read-only, and becomes the pod's user.
CONFINE = """set -eu
mount --bind "$1" "$1"; mount --bind "$2" "$3"; mount -o remount,ro,bind /
user=$4; shift 4
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set -all --inh-caps -all -- "$@"
"""


def variables(pod):
    return {one["name"]: one for one in pod["spec"]["containers"][0].get("env", [])}


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_every_variable_is_one_that_the_code_reads(values):
    sources = "".join(path.read_text() for path in ROOT.glob("crates/*/src/**/*.rs"))
    read = set(re.findall(r'"([A-Z][A-Z0-9_]+)"', sources)) | set(re.findall(r"env = \"([A-Z_]+)\"", sources))
    assert not NOT_YET & read, "Redis is read now: say so in values.yaml, and take it out of this list"
    for component, pod in pods(render(values)).items():
        for name in variables(pod):
            part = name.removesuffix("_READ_REPLICA")
            assert part in read or part in NOT_YET, f"{component}: nothing reads {name}"


def may_confine():
    """Only root with a mount namespace can play the kubelet; others run the binary as they are."""
    probe = "mount --bind /tmp /tmp && mount -o remount,ro,bind /"
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "sh", "-c", probe], capture_output=True).returncode == 0


CONFINED = may_confine()


class Pod:
    """What runs in place of a container: its arguments and environment, with the cluster's part played by this machine."""

    def __init__(self, log_dir, home, component, pod, secrets, own):
        self.folder = home / component
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        container = pod["spec"]["containers"][0]
        self.env = {name: self._value(one, secrets) for name, one in variables(pod).items()}
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert self.env["BULKHEAD_DATA_DIR"] in mounts, "the only folder that is written to is a mount"
        self.env.update({name: value for name, value in own.items() if name in self.env}, BULKHEAD_DATA_DIR=str(self.folder))
        self.url = f"http://127.0.0.1:{self.env.get('PORT')}"
        self.probes = f"http://127.0.0.1:{self.env.get('SEPARATE_HEALTH_PORT', self.env.get('PORT'))}"
        user = str(pod["spec"]["securityContext"]["runAsUser"])
        self.process = spawn(component, self._confined(home, [*container["args"]], user), log_dir, self.env, "/")

    def _confined(self, home, arguments, user):
        if not CONFINED:
            return [binary(), *arguments]
        program = home / "bulkhead"
        program.touch()
        program.chmod(0o755)
        return ["unshare", "--mount", "sh", "-c", CONFINE, "sh", self.folder, binary(), program, user, program, *arguments]

    @staticmethod
    def _value(one, secrets):
        if "value" in one:
            return one["value"]
        reference = one["valueFrom"]["secretKeyRef"]
        return secrets[reference["name"]][reference["key"]]


class Installation:
    """The example with writer and reader: migrations first, as the hook does, then gateway and backend behind nginx."""

    def __init__(self, log_dir, writer, reader):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-pods-", dir="/tmp"))
        self.home.chmod(0o755)
        self.rendered = pods(render(CHART / "ci/reader.yaml"))
        self.master_key = new_master_key()
        login = {"username": "bulkhead", "password": "any"}
        secrets = {
            "litellm-master-key-secret": {"master-key": self.master_key},
            "litellm-writer-secret": login, "litellm-reader-secret": login,
        }
        own = {
            "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(writer.port),
            "DATABASE_HOST_READ_REPLICA": "127.0.0.1", "DATABASE_PORT_READ_REPLICA": str(reader.port),
        }
        start = lambda component, **more: Pod(log_dir, self.home, component, self.rendered[component], secrets, {**own, **more})
        self.migrations = start("migrations")
        assert self.migrations.process.popen.wait(60) == 0, self.migrations.process.tail()
        ports = lambda: {"PORT": str(free_port()), "SEPARATE_HEALTH_PORT": str(free_port()), "BULKHEAD_DRAIN_DELAY": "1"}
        self.backend, self.gateway = start("backend", **ports()), start("gateway", **ports())
        self.ui, ui = role("ui", log_dir, ["--port", 0], {}, self.home)
        for pod in (self.backend, self.gateway):
            pod.process.wait_for(r"ready: (http://\S+)")
        code, locations, error = run(["routes", "--format", "nginx"])
        assert code == 0, error
        self.nginx = Nginx(log_dir, locations, {"gateway": self.gateway.url, "backend": self.backend.url, "ui": ui})
        self.admin = Api(self.nginx.url, self.master_key)

    def close(self):
        self.admin.close()
        self.nginx.close()
        for process in (self.gateway.process, self.backend.process, self.ui):
            if process.popen.poll() is None:
                process.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def installed(log_dir):
    writer = Postgres(log_dir)
    writer.database(DATABASE)
    reader = Replica(log_dir, writer, 0)
    installation = Installation(log_dir, writer, reader)
    yield installation
    installation.close()
    reader.close()
    writer.close()


def test_probes_answer_where_the_kubelet_asks(installed):
    for pod, component in ((installed.gateway, "gateway"), (installed.backend, "backend")):
        container = installed.rendered[component]["spec"]["containers"][0]
        ports = {"health": pod.probes, "http": pod.url}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            asked = container[probe]["httpGet"]
            url = ports[asked["port"]] + asked["path"]
            eventually(lambda: httpx.get(url).status_code == 200, 10, f"{component}'s {probe}")


def test_helm_test_passes_through_the_entry(installed):
    """What the test pod runs, against the URL of the ingress."""
    (command, *_) = pods(render(CHART / "ci/reader.yaml"))["smoke"]["spec"]["containers"][0]["args"]
    code, out, error = run([command, "--url", installed.nginx.url], env={"LITELLM_MASTER_KEY": installed.master_key}, seconds=100)
    assert code == 0 and "the ledger has call" in out, out + error
    assert installed.admin.ok(installed.admin.get("/model/info"))["data"][0]["model_name"] == "demo", "what it made is gone"
    code, out, error = run([command, "--url", installed.nginx.url], env={"LITELLM_MASTER_KEY": new_master_key()}, seconds=100)
    assert code == 1 and "/key/generate said 401" in error, out + error


def test_helm_test_waits_for_pods_that_are_starting(log_dir, tmp_path):
    """`helm install` returns before they are ready."""
    port, master_key = free_port(), new_master_key()
    up = None
    smoke = Process("smoke", [binary(), "smoke", "--url", f"http://127.0.0.1:{port}", "--master-key", master_key], log_dir)
    try:
        up = Up(log_dir, master_key=master_key, cwd=tmp_path)
        up.stop()
        up.start(port)
        assert smoke.popen.wait(60) == 0, smoke.tail()
        assert "the ledger has call" in smoke.log()
    finally:
        smoke.kill()
        if up:
            up.close()


def test_analytics_land_on_the_backend_while_the_gateway_serves(installed):
    question = {"start_date": "2020-01-01", "end_date": "2030-12-31"}
    assert Api(installed.gateway.url, installed.master_key).get("/analytics/overview").status_code == 404
    key = installed.admin.with_key(installed.admin.generate()["key"])
    installed.admin.ok(key.chat("demo"))
    stop, asked = threading.Event(), []

    def ask():
        with httpx.Client(headers={"authorization": f"Bearer {installed.master_key}"}, timeout=30) as client:
            while not stop.is_set():
                asked.append(client.get(f"{installed.nginx.url}/analytics/overview", params=question).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    answers = [key.chat("demo").status_code for _ in range(50)]
    stop.set()
    for thread in threads:
        thread.join(30)
    assert set(answers) == {200} and asked and set(asked) == {200}
    served = httpx.get(installed.backend.url + "/health/readiness").json()["reader"]
    assert served["served"] > 0, "reports come from the reader"


def test_nothing_is_written_outside_the_mounts(installed):
    kept = lambda: {"journal", "policy.snapshot"} <= set(os.listdir(installed.gateway.folder))
    eventually(kept, 20, "the journal and the copy of the policy on the volume")
    if CONFINED:
        status = Path(f"/proc/{installed.gateway.process.pid}/status").read_text()
        assert re.search(r"^Uid:\t65532\t65532", status, re.M) and re.search(r"^CapEff:\t0+$", status, re.M)
        root = [line.split() for line in Path(f"/proc/{installed.gateway.process.pid}/mounts").read_text().splitlines()]
        assert [line[3].split(",")[0] for line in root if line[1] == "/"][-1] == "ro"


def test_a_pod_stops_in_good_order(installed):
    for pod in (installed.gateway, installed.backend):
        assert pod.process.stop() == 0
