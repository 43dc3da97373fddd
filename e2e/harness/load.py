"""Clients by the thousand, and what became of their requests."""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from .process import eventually
from .testkit import Program


class LoadDriver(Program):
    def __init__(self, log_dir):
        super().__init__("load-driver", log_dir)
        self._folder = Path(tempfile.mkdtemp(prefix="bulkhead-load-"))

    def stop(self):
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, name, urls, rate, keys=(), models=("oai", "ant"), **more):
        """Starts a flow; without keys each request brings one that nobody knows."""
        targets = [url.removeprefix("http://") for url in urls]
        out = self._folder / f"{name}.jsonl"
        self.order("POST", "/flows", {
            "name": name, "out": str(out), "targets": targets, "rate_per_second": rate, "keys": list(keys),
            "models": list(models), **more,
        })
        return Flow(self, name, out)


class Flow:
    def __init__(self, driver, name, out):
        self._driver, self.name, self._out = driver, name, out

    def counts(self):
        return self._driver.order("GET", f"/flows/{self.name}")

    def go_on(self, count, seconds=60):
        """Waits until so many more requests have been answered well."""
        reached = self.counts()["done"] + count
        eventually(lambda: self.counts()["done"] >= reached, seconds, f"{count} answers of {self.name}")

    def stop(self):
        """Ends the flow when its last request has ended, and returns what became of each."""
        counts = self._driver.order("DELETE", f"/flows/{self.name}")
        assert counts["held_back"] == 0, "the driver itself was too slow"
        return Requests([json.loads(line) for line in self._out.read_text().splitlines()])


class Requests(list):
    """The requests of a flow."""

    def __add__(self, others):
        return Requests([*self, *others])

    def with_outcome(self, *outcomes):
        return Requests(request for request in self if request["outcome"] in outcomes)

    @property
    def failed(self):
        """Whatever a client sees as failed."""
        return self.with_outcome("refused", "cut", "unanswered")

    @property
    def moved(self):
        """Requests that another gateway had to take."""
        return Requests(request for request in self if request["refused_connections"] + request["broken_connections"])

    def tries(self):
        """How often each request may have reached a gateway, by its id."""
        return {request["id"]: request["broken_connections"] + 1 for request in self}

    def why(self):
        """A short account of the failures, for a message."""
        kinds = Counter((request["outcome"], request["status"], (request["error"] or "")[:200]) for request in self.failed)
        return kinds.most_common(5)

    def of(self, dialect):
        return Requests(request for request in self if request["dialect"] == dialect)

    def latency_ms(self, quantile):
        """A quantile of the time from when a request was due to its end."""
        times = sorted(request["end_us"] - request["due_us"] for request in self.with_outcome("done"))
        return times[min(len(times) - 1, int(len(times) * quantile))] / 1000 if times else 0.0
