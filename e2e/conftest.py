"""Fixtures: the scripted provider, one long-lived `bulkhead up`, and keys of their own for each test."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness.bulkhead import Up, config, new_master_key
from harness.process import Process
from harness.solo import Solo
from harness.upstream import Upstream


@pytest.fixture(scope="session")
def log_dir(request):
    """Where programs leave what they print. Kept when a test failed, or when `E2E_LOG_DIR` names it."""
    chosen = os.environ.get("E2E_LOG_DIR")
    folder = Path(chosen) if chosen else Path(tempfile.mkdtemp(prefix="bulkhead-e2e-logs-"))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    if not chosen and not request.session.testsfailed:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def upstream(log_dir):
    upstream = Upstream(log_dir)
    yield upstream
    upstream.stop()


@pytest.fixture(scope="session")
def up(log_dir, upstream):
    """`bulkhead up` with every scripted deployment."""
    up = Up(log_dir, config(upstream), new_master_key())
    yield up
    up.close()


@pytest.fixture(scope="session")
def admin(up):
    return up.admin


@pytest.fixture
def key(admin):
    """A fresh virtual key, without limits."""
    return admin.generate()["key"]


@pytest.fixture
def api(up, key):
    api = up.admin.with_key(key)
    yield api
    api.close()


@pytest.fixture
def solo(tmp_path, log_dir, upstream):
    solo = Solo(tmp_path, log_dir, upstream)
    yield solo
    if solo.process.popen.poll() is None:
        solo.process.kill()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for process in Process.running:
            report.sections.append((f"end of the log of {process.name} ({process.log_path})", process.tail(25)))


def pytest_sessionfinish():
    for process in list(Process.running):
        process.kill()
