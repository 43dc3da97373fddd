"""Gateways and backends of two versions on one database, and management that goes on meanwhile."""

import itertools
import shutil
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx

from harness.bulkhead import Api, config, new_master_key, role, run
from harness.ports import free_port
from harness.process import eventually
from harness.reconcile import QUERY

GATEWAYS, BACKENDS = 3, 2
# Between two things that somebody does in the dashboard.
MANAGEMENT_PAUSE_SECONDS = 0.1


class Member:
    """One gateway or backend, on its port and data folder whatever its version."""

    def __init__(self, rollout, kind, number):
        self.kind, self.name, self.port = kind, f"{kind}-{number}", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._rollout = rollout

    def start(self, program):
        rollout = self._rollout
        arguments = ["--port", self.port, "--data-dir", rollout.home / self.name]
        self.process, _ = role(self.kind, rollout.log_dir, arguments, rollout.env, rollout.home, program)
        eventually(self.is_ready, 60, f"{self.name} to be ready")

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/health/readiness", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def replace(self, program):
        assert self.process.stop() == 0, f"{self.name} went in good order"
        self.start(program)


class Rollout:
    def __init__(self, log_dir, upstream, postgres, database, before):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-upgrade-"))
        self.log_dir, self._postgres, self._database = log_dir, postgres, database
        (self.home / "config.yaml").write_text(config(upstream))
        self.master_key = new_master_key()
        self.env = {
            "LITELLM_MASTER_KEY": self.master_key, "BULKHEAD_DRAIN_DELAY": "1",
            "DATABASE_URL": f"postgresql://bulkhead@127.0.0.1:{postgres.port}/{database}",
        }
        self.gateways = [Member(self, "gateway", number) for number in range(GATEWAYS)]
        self.backends = [Member(self, "backend", number) for number in range(BACKENDS)]
        self.members = [*self.backends, *self.gateways]
        for member in self.members:
            member.start(before)

    @property
    def urls(self):
        return [gateway.url for gateway in self.gateways]

    def migrate(self, program, *arguments):
        """Exit code, what was said, and the seconds that it took."""
        began = time.monotonic()
        code, out, error = run(["migrate", *arguments], env=self.env, cwd=self.home, seconds=900, program=program)
        return code, out + error, time.monotonic() - began

    def key(self):
        """A new key that every gateway knows."""
        made = Api(self.backends[0].url, self.master_key).generate()["key"]
        for url in self.urls:
            eventually(lambda: Api(url, made).get("/v1/models").status_code == 200, 10, f"the new key at {url}")
        return made

    def ledger(self, since_us):
        return self._postgres.rows(f"{QUERY} and started_at >= {since_us} and price_version <> 'seed'", self._database)

    def close(self):
        for member in self.members:
            if member.process.popen.poll() is None:
                member.process.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Management(threading.Thread):
    """Somebody who makes, changes, lists and deletes keys and reads calls, at whichever backend answers."""

    def __init__(self, rollout):
        super().__init__(daemon=True)
        self._over, self._numbers = threading.Event(), itertools.count()
        self._urls = [backend.url for backend in rollout.backends]
        # A connection for each request: a balancer's kept ones end before a backend that stops would end them.
        self._http = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0), headers={"authorization": f"Bearer {rollout.master_key}"})
        self.answers, self.failures = [], []
        self.start()

    def run(self):
        while not self._over.wait(MANAGEMENT_PAUSE_SECONDS):
            number = next(self._numbers)
            made = self._ask("POST", "/key/generate", json={"key_alias": f"managed-{number}", "metadata": {"n": number}})
            if made is None:
                continue
            key = made.json()["key"]
            self._ask("POST", "/key/update", json={"key": key, "max_budget": 5})
            self._ask("GET", "/key/list", params={"size": 50, "key_alias": f"managed-{number}"})
            self._ask("GET", "/spend/logs/ui", params={"page_size": 20, "start_date": self._day(-1), "end_date": self._day(1)})
            self._ask("POST", "/key/delete", json={"keys": [key]})

    @staticmethod
    def _day(off):
        return f"{datetime.now(timezone.utc) + timedelta(days=off):%Y-%m-%d %H:%M:%S}"

    def _ask(self, method, path, **more):
        began = time.monotonic()
        for url in self._urls * 2:
            try:
                response = self._http.request(method, url + path, **more)
            except httpx.ConnectError:
                # It is being replaced; the load balancer takes the other.
                continue
            except httpx.TransportError as error:
                self.failures.append(f"{method} {path}: {type(error).__name__}")
                return None
            self.answers.append(time.monotonic() - began)
            if response.status_code == 200:
                return response
            self.failures.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
            return None
        self.failures.append(f"{method} {path}: no backend")
        return None

    def since_last(self):
        """How many answers there were since this was asked before, the slowest in ms, and what failed."""
        (answers, self.answers), (failures, self.failures) = (self.answers, []), (self.failures, [])
        return len(answers), max(answers, default=0.0) * 1000, failures

    def stop(self):
        self._over.set()
        self.join(60)
        self._http.close()
