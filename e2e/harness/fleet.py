"""Gateways that can be killed: several on PostgreSQL behind a fault proxy, or `bulkhead up` on SQLite."""

import itertools
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import time
from pathlib import Path

import httpx

from .bulkhead import Api, Up, config, new_master_key, role, run
from .faults import FaultProxy
from .ports import free_port
from .process import eventually
from .reconcile import QUERY

_names = itertools.count()


class Gateway:
    """One gateway with its own data folder, which it finds again when it is started again."""

    def __init__(self, fleet, number, database_url):
        self.name = f"gateway-{number}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = fleet.home / self.name
        self._fleet = fleet
        self._env = {**fleet.env, "DATABASE_URL": database_url}
        self.process = None

    def start(self):
        """Starts it and returns the seconds until it said that it answers."""
        began = time.monotonic()
        arguments = ["--port", self.port, "--data-dir", self.data_dir]
        self.process, _ = role("gateway", self._fleet.log_dir, arguments, self._env, self._fleet.home)
        return time.monotonic() - began

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/health/readiness", timeout=2).status_code == 200
        except httpx.TransportError:
            return False


class Fleet:
    """Gateways, each with its journal on a volume of its own, and one backend."""

    database_kind = "PostgreSQL"

    def __init__(self, log_dir, upstream, postgres, gateways=3):
        self.home = Path(tempfile.mkdtemp(prefix="bulkhead-fleet-"))
        self.log_dir, self.postgres = log_dir, postgres
        self.database = f"fleet_{os.getpid()}_{next(_names)}"
        direct = postgres.database(self.database)
        self.master_key = new_master_key()
        (self.home / "config.yaml").write_text(config(upstream))
        self.env = {"LITELLM_MASTER_KEY": self.master_key}
        code, out, error = run(["migrate", "up"], env={**self.env, "DATABASE_URL": direct}, cwd=self.home)
        assert code == 0, out + error
        self.proxy = FaultProxy(log_dir, postgres.port)
        through = direct.replace(f":{postgres.port}/", f":{self.proxy.port}/")
        self.gateways = [Gateway(self, number, through) for number in range(gateways)]
        arguments = ["--port", free_port(), "--data-dir", self.home / "backend"]
        self.backend, url = role("backend", log_dir, arguments, {**self.env, "DATABASE_URL": direct}, self.home)
        self.admin = Api(url, self.master_key)
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            eventually(gateway.is_ready, 20, f"{gateway.name} to be ready")

    @property
    def urls(self):
        return [gateway.url for gateway in self.gateways]

    def kill(self, number):
        """Kills a gateway as the kernel would when memory is short, and starts it again on its volume."""
        gateway = self.gateways[number % len(self.gateways)]
        gateway.process.kill()
        gateway.start()
        eventually(gateway.is_ready, 20, f"{gateway.name} to be ready again")

    def pids(self):
        return [gateway.process.pid for gateway in self.gateways]

    def ledger(self):
        return self.postgres.rows(QUERY, self.database)

    def key(self, **fields):
        """A new key that every gateway knows."""
        made = self.admin.generate(**fields)["key"]
        for url in self.urls:
            eventually(lambda: Api(url, made).get("/v1/models").status_code == 200, 10, f"the new key at {url}")
        return made

    def in_flight(self):
        """Requests that the gateways say are being answered."""
        return sum(metric(url, self.master_key, "bulkhead_requests_in_flight") for url in self.urls)

    def close(self):
        self.admin.close()
        self.proxy.mode("pass")
        for process in [*(gateway.process for gateway in self.gateways), self.backend]:
            if process.popen.poll() is None:
                process.stop()
        self.proxy.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class UpFleet:
    """`bulkhead up`: one gateway, which the supervisor starts again, on SQLite."""

    database_kind = "SQLite (`up`)"

    def __init__(self, log_dir, upstream):
        self.up = Up(log_dir, config(upstream), new_master_key())
        self.admin = self.up.admin

    @property
    def urls(self):
        return [self.up.url]

    def kill(self, _number):
        old = self.up.role("gateway")
        os.kill(old, signal.SIGKILL)
        eventually(lambda: self.up.role("gateway") != old and self._is_ready(), 20, "a new gateway")

    def _is_ready(self):
        return httpx.get(f"{self.up.url}/health/readiness", timeout=2).status_code == 200

    def pids(self):
        return [self.up.role("gateway")]

    def ledger(self):
        database = sqlite3.connect(f"file:{self.up.data_dir}/bulkhead.db?mode=ro", uri=True, timeout=10)
        database.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in database.execute(QUERY)]
        finally:
            database.close()

    def key(self, **fields):
        made = self.admin.generate(**fields)["key"]
        eventually(lambda: Api(self.up.url, made).get("/v1/models").status_code == 200, 10, "the new key")
        return made

    def in_flight(self):
        return metric(self.up.url, self.up.master_key, "bulkhead_requests_in_flight")

    def close(self):
        self.up.close()


def metric(url, master_key, name):
    """The value of a metric without labels."""
    text = httpx.get(f"{url}/metrics", headers={"authorization": f"Bearer {master_key}"}, timeout=5).text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, f"no metric {name}"
    return float(found[1])
