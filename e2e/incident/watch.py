"""What is looked at every second while the incident goes on."""

import threading
import time
from dataclasses import dataclass, field

import httpx

from harness.fleet import metric
from harness.process import memory_bytes

PROBES = ("/health/liveliness", "/health/readiness")
# What Kubernetes waits by default.
PROBE_SECONDS_MAX = 1.0


@dataclass
class Sample:
    at: float
    missed_probes: int
    slowest_probe_ms: float
    lag_seconds: float
    # By name and id of the process.
    memory: dict = field(default_factory=dict)
    reports: int = 0
    connections: int = 0


class Watch(threading.Thread):
    """Samples of the gateways, their processes and the database, until it is stopped."""

    def __init__(self, scene):
        super().__init__(daemon=True)
        self._scene, self._over, self.samples = scene, threading.Event(), []
        self._http = httpx.Client(timeout=PROBE_SECONDS_MAX)
        self.start()

    def run(self):
        while not self._over.wait(1.0):
            self.samples.append(self._sample())
        self._http.close()

    def _sample(self):
        at, missed, slowest, lag = time.monotonic(), 0, 0.0, 0.0
        for url in self._scene.urls:
            for path in PROBES:
                began = time.monotonic()
                try:
                    missed += self._http.get(url + path).status_code != 200
                except httpx.TransportError:
                    missed += 1
                slowest = max(slowest, time.monotonic() - began)
            lag = max(lag, metric(url, self._scene.master_key, "bulkhead_journal_lag_seconds"))
        memory = {}
        for name, pid in self._scene.processes().items():
            try:
                memory[name, pid] = memory_bytes(pid)
            except (OSError, AssertionError):
                pass
        reports, connections = self._scene.database_load()
        return Sample(at, missed, slowest * 1000, lag, memory, reports, connections)

    def stop(self):
        self._over.set()
        self.join()
