"""The scripted provider, and how tests ask it what it saw."""

import itertools
import os

import httpx

from .process import Process, eventually
from .testkit import program

_numbers = itertools.count()


def script(words="", text="hello"):
    """A user text with a script in it, and the id that finds its calls in the provider's log."""
    name = f"t{os.getpid()}-{next(_numbers)}"
    return f"{text} <<script id={name} {words}>>", name


class Upstream:
    def __init__(self, log_dir):
        self.process = Process("scripted-upstream", [program("scripted-upstream")], log_dir)
        self.url = self.process.wait_for(r"ready: (http://\S+)")[1]
        self._http = httpx.Client(base_url=self.url, timeout=10)

    def calls(self, name=None, model=None):
        """The calls with this script id, oldest first."""
        wanted = {key: value for key, value in (("id", name), ("model", model)) if value}
        return self._http.get("/_log", params=wanted).json()

    def call(self, name):
        """The one call with this script id."""
        calls = self.calls(name)
        assert len(calls) == 1, f"{len(calls)} calls of {name}"
        return calls[0]

    def ended(self, name, seconds=5):
        """The one call with this script id, once it has ended."""
        return eventually(lambda: (call := self.call(name))["ended"] and call, seconds, f"the end of call {name}")

    def counts(self):
        return self._http.get("/_counts").json()

    def books(self):
        """One short entry for each call that was ever made."""
        entries = []
        while True:
            page = self._http.get("/_books", params={"after": entries[-1]["number"] if entries else 0}).json()
            assert page["unbooked"] == 0, "the provider lost count"
            if not page["entries"]:
                return entries
            entries += page["entries"]

    def control(self, **order):
        assert self._http.post("/_control", json=order).json() == {"ok": True}

    def stop(self):
        self._http.close()
        self.process.stop()

