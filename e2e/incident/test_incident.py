"""The incident that this product exists for: years of usage are asked for by many at once, and chat does not notice.

`INCIDENT=short` (the default) is an ordinary test on little data; `make incident` takes the data and the times of the promise and writes the table
and a picture to `bench/results/`.
"""

import itertools
import os
import time

import httpx
import pytest

from harness.load import LoadDriver

from .memory import can_run_out, run_out
from .report import Phase, Report
from .scenes import Alone, Split, kill
from .seed import Size
from .storm import Answers, Storm, questions
from .timing import ANSWER_BYTES_MAX, SQLITE_FACTOR, measure
from .watch import Watch

FORM = os.environ.get("INCIDENT", "short")
assert FORM in ("short", "long"), "INCIDENT is short or long"
IS_LONG = FORM == "long"
SHORT = Size(keys=40, users=10, teams=5, models=9, days=60, calls=1_000)
SIZES = {
    Alone: Size(keys=1_000, users=200, teams=50, models=50, days=730, calls=20_000) if IS_LONG else SHORT,
    Split: Size(keys=10_000, users=1_000, teams=200, models=50, days=730, calls=200_000) if IS_LONG else SHORT,
}
SECONDS, USERS, CHAT_RATE = (60, 50, 50) if IS_LONG else (4, 8, 20)
# How often each question is asked by itself.
ROUNDS = 20 if IS_LONG else 1

P99_RATIO_MAX = 1.25
LAG_SECONDS_MAX = 5.0
REPORTS_MAX = 8
MEMORY_MOVES_BYTES_MAX = 64 << 20

_REPORT = Report()


@pytest.fixture(scope="module", autouse=True)
def report():
    yield
    print("\n" + _REPORT.markdown())
    if IS_LONG:
        _REPORT.write()


@pytest.fixture(params=[Alone, Split], ids=["up", "split"])
def scene(request, log_dir, upstream):
    scene = request.param(log_dir, upstream, SIZES[request.param])
    yield scene
    scene.close()


@pytest.fixture
def driver(log_dir):
    driver = LoadDriver(log_dir)
    yield driver
    driver.stop()


class Incident:
    """Phases of one scene, each with its chat."""

    def __init__(self, scene, driver, asked):
        self.scene, self.driver, self.asked = scene, driver, asked
        self.key = scene.admin.generate()["key"]
        self.watch = Watch(scene)
        self.phases, self.course, self._numbers = [], {"p50": [], "p99": [], "phases": []}, itertools.count()

    def phase(self, name, during=None, storm=False):
        """Chat for some seconds, in the midst of which something may happen."""
        dashboards = Storm(self.scene.admin.url, self.scene.master_key, self.asked, USERS) if storm else None
        began = time.monotonic()
        flow = self.driver.start(f"phase{next(self._numbers)}", self.scene.urls, CHAT_RATE, [self.key], prompt_words=20, dialects=["chat", "messages"])
        if during:
            during()
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        answers = dashboards.stop() if dashboards else Answers()
        chat = flow.stop()
        samples = [sample for sample in self.watch.samples if sample.at >= began]
        self._note(name, chat, answers, samples)
        return chat, answers, samples

    def _note(self, name, chat, answers, samples):
        calm = self.phases[0].p99_ms if self.phases else chat.latency_ms(0.99)
        statuses = answers.statuses()
        most = lambda values: max(values, default=0)
        memory = lambda name: most(size for sample in samples for (kind, _), size in sample.memory.items() if kind == name)
        self.phases.append(Phase(
            self.scene.name, name, len(chat), len(chat.failed), chat.latency_ms(0.5), chat.latency_ms(0.99),
            chat.of("chat").latency_ms(0.99), chat.of("messages").latency_ms(0.99), chat.latency_ms(1.0),
            chat.latency_ms(0.99) / calm, sum(sample.missed_probes for sample in samples), most(s.slowest_probe_ms for s in samples),
            statuses.get(200, 0), statuses.get(503, 0), answers.quantile_ms(0.95), answers.largest(), most(s.reports for s in samples),
            most(s.connections for s in samples), most(s.lag_seconds for s in samples), memory("gateway"), memory("backend"),
        ))
        _REPORT.phases.append(self.phases[-1])
        self.course["phases"].append((len(self.course["p99"]), name))
        done = sorted(chat.with_outcome("done"), key=lambda request: request["due_us"])
        for _, second in itertools.groupby(done, key=lambda request: request["due_us"] // 1_000_000):
            times = sorted((request["end_us"] - request["due_us"]) / 1000 for request in second)
            self.course["p50"].append(times[len(times) // 2])
            self.course["p99"].append(times[-1])

    def close(self):
        self.watch.stop()
        _REPORT.courses[self.scene.name] = self.course


def play(incident):
    """All phases, and what the storm brought."""
    scene = incident.scene
    incident.phase("calm")
    stormed = incident.phase(f"storm of {USERS} dashboards", storm=True)
    incident.phase("backend killed with -9", lambda: scene.end_backend(kill), storm=True)
    scene.await_backend()
    if can_run_out():
        press = lambda pid: run_out(pid, scene.admin.url, scene.master_key)
        incident.phase("backend out of memory", lambda: scene.end_backend(press), storm=True)
        scene.await_backend()
    else:
        _REPORT.data[scene.name] += " No memory was taken away: this machine lets nobody make a control group."
    incident.phase("after")
    return stormed


@pytest.mark.timeout(7_200)
def test_the_incident(scene, driver):
    size = SIZES[type(scene)]
    document = httpx.get(f"{scene.admin.url}/openapi.json", timeout=10).json()
    asked = questions(document, size.days)
    timings = measure(scene, asked, ROUNDS, cold=True)
    _REPORT.timings += timings
    _REPORT.data[scene.name] = (
        f"{size.keys:,} keys, {size.users:,} users, {size.teams} teams, {size.models} models, {size.days} days, {size.cells / 1e6:.1f} M "
        f"cells of keys by model and day, {size.calls:,} calls. {len(asked)} questions. {scene.room.said()}"
    )
    incident = Incident(scene, driver, asked)
    try:
        _, answers, stormed = play(incident)
    finally:
        incident.close()
    assert set(answers.statuses()) <= {200, 503}, answers.statuses()
    found = [*harm(incident.phases), *growth(stormed)]
    if IS_LONG:
        factor = SQLITE_FACTOR if isinstance(scene, Alone) else 1.0
        found += slow(incident.phases[1]) + [line for timing in timings for line in timing.broken(factor)]
    assert not found, "\n".join(found)


def harm(phases):
    """What must be in no phase."""
    for phase in phases:
        is_bounded = phase.lag_seconds < LAG_SECONDS_MAX and phase.reports <= REPORTS_MAX and phase.answer_bytes <= ANSWER_BYTES_MAX
        if phase.failed or phase.missed or not is_bounded:
            yield f"harm: {phase}"


def growth(samples):
    """Processes whose memory was not flat in the storm; one that has just been started still fills its own."""
    held = {}
    for sample in samples:
        for process, size in sample.memory.items():
            held.setdefault(process, []).append(size)
    for process, sizes in held.items():
        if max(sizes) - min(sizes) > MEMORY_MOVES_BYTES_MAX:
            yield f"memory of {process}: {min(sizes):,} to {max(sizes):,} bytes"


def slow(stormed):
    return [f"slower in the storm: {stormed}"] if stormed.ratio > P99_RATIO_MAX else []
