"""The programs of `crates/testkit`: where they are, and orders to them."""

import os
from pathlib import Path

import httpx

from .process import Process

# An order may wait for what is under way, e.g. for the last answer of a flow.
ORDER_SECONDS = 120


def program(name):
    named = os.environ.get("TESTKIT_BIN_DIR")
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/bulkhead/target"))
    for folder in [Path(named)] if named else [target / "release", target / "debug"]:
        if (folder / name).exists():
            return folder / name
    raise AssertionError(f"{name} is not built: cargo build -p bulkhead-testkit --bins")


class Program:
    """A running program that takes orders as JSON over HTTP."""

    def __init__(self, name, log_dir, arguments=()):
        self.process = Process(name, [program(name), *arguments], log_dir)
        self.url = self.process.wait_for(r"ready: (http://\S+)")[1]
        self.http = httpx.Client(base_url=self.url, timeout=ORDER_SECONDS)

    def order(self, method, path, body=None):
        response = self.http.request(method, path, json=body)
        assert response.status_code == 200, f"{method} {path}: {response.text}"
        return response.json()

    def stop(self):
        self.http.close()
        self.process.stop()
