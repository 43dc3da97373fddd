"""The failure laboratory: what the scenarios share.

`CHAOS=short` (the default) runs each scenario as an ordinary test; `CHAOS=long` runs them as long and as hard
as the promises say, and writes the table to `bench/results/`; `CHAOS=full` takes the longest outage as well.
"""

import os

import httpx
import pytest

from harness.fleet import Fleet, UpFleet
from harness.load import LoadDriver
from harness.postgres import Postgres
from harness.process import eventually
from harness.reconcile import reconcile
from harness.report import Report
from harness.upstream import Upstream, script

FORM = os.environ.get("CHAOS", "short")
assert FORM in ("short", "long", "full"), "CHAOS is short, long or full"
_REPORT = Report()


def pytest_collection_modifyitems(items):
    for item in items:
        if FORM != "short" and "chaos" in item.nodeid:
            item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter):
    if not _REPORT.lines:
        return
    terminalreporter.write_sep("=", "failure laboratory")
    terminalreporter.write_line(_REPORT.markdown())
    if FORM != "short":
        _REPORT.write(FORM)


@pytest.fixture(scope="session")
def postgres(log_dir):
    postgres = Postgres(log_dir)
    yield postgres
    postgres.close()


class Lab:
    """A fleet, a provider that serves nobody else, and clients."""

    def __init__(self, log_dir, fleet, upstream, driver):
        self.log_dir, self.fleet, self.upstream, self.driver = log_dir, fleet, upstream, driver
        self.form = FORM

    def pick(self, short, long, full=None):
        """The figure for this form."""
        return {"short": short, "long": long, "full": long if full is None else full}[FORM]

    def chat(self, url, key, model="oai"):
        """One request beside the load, which the audit can tell from others."""
        text, name = script()
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {key}", "x-litellm-call-id": name}
        return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30)

    def audit(self, requests, seconds=60):
        """The ledger against the provider's books, once every call has its row or the time is over."""
        books = eventually(lambda: (books := self.upstream.books()) and all(e["ended"] for e in books) and books, 20,
                           "the end of every call at the provider")
        tries = requests.tries()
        found = []

        def look():
            found[:] = [reconcile(books, self.fleet.ledger(), tries)]
            return not found[0].lost

        try:
            eventually(look, seconds)
        except AssertionError:
            # What is missing is for the caller to report.
            assert found, "the ledger could not be read"
        return found[0]

    def add(self, scenario, requests, audit=None, **more):
        return _REPORT.add(scenario, self.fleet, requests, audit, **more)


def _lab(log_dir, make):
    upstream = Upstream(log_dir)
    fleet = make(upstream)
    driver = LoadDriver(log_dir)
    yield Lab(log_dir, fleet, upstream, driver)
    driver.stop()
    fleet.close()
    upstream.stop()


@pytest.fixture
def lab(log_dir, postgres):
    """Three gateways and a backend on PostgreSQL."""
    if postgres.process.popen.poll() is not None:
        postgres.start()
    yield from _lab(log_dir, lambda upstream: Fleet(log_dir, upstream, postgres))


@pytest.fixture
def up_lab(log_dir):
    """`bulkhead up` on SQLite."""
    yield from _lab(log_dir, lambda upstream: UpFleet(log_dir, upstream))
