"""The table and the picture of the incident."""

import json
from dataclasses import asdict, dataclass

import pygal

from harness.report import RESULTS

from .timing import Timing

HEADINGS = (
    "roles", "phase", "LLM requests", "failed", "p50 ms", "p99 ms", "of chat", "of messages", "max ms", "p99 ÷ calm", "probes missed", "slowest probe ms",
    "reports answered", "shed (503)", "report p95 ms", "largest answer KB", "reports in the database", "connections", "spend lag s",
    "gateway MB", "backend MB",
)
HEAD = """# The incident, replayed

Written by `make incident`. Dashboards ask every report over all days of the data while chat and messages go on at a steady rate, half of them streamed; then the backend is killed with -9,
then its memory runs out. Gateway, backend, databases, provider, clients and dashboards share two cores. Probes are made once a second.
Connections and reports in the database are those of both servers together, the most at any second; of SQLite there are none to count.

"""
QUESTIONS = """
## Each question by itself

One at a time, over all days of the data, with other days each time so that no answer is in memory; the time is that of the whole request. The slowest
ten of each scene, and every one of ours (`/analytics/`), which have been asked of a cold database too: servers started again, and none of their files in memory.

"""
TIMING_HEADINGS = ("roles", "question", "p50 ms", "p95 ms", "cold ms", "answer KB")
SLOWEST = 10


@dataclass
class Phase:
    """One phase of one scene."""

    roles: str
    phase: str
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    chat_p99_ms: float
    messages_p99_ms: float
    max_ms: float
    ratio: float
    missed: int
    probe_ms: float
    answered: int
    shed: int
    report_ms: float
    answer_bytes: int
    reports: int
    connections: int
    lag_seconds: float
    gateway_bytes: int
    backend_bytes: int

    def cells(self):
        return (
            self.roles, self.phase, f"{self.requests:,}", str(self.failed), f"{self.p50_ms:.1f}", f"{self.p99_ms:.1f}",
            f"{self.chat_p99_ms:.1f}", f"{self.messages_p99_ms:.1f}", f"{self.max_ms:.0f}", f"{self.ratio:.2f}", str(self.missed), f"{self.probe_ms:.0f}", f"{self.answered:,}",
            f"{self.shed:,}", f"{self.report_ms:.0f}", f"{self.answer_bytes / 1000:.0f}", str(self.reports), str(self.connections), f"{self.lag_seconds:.1f}",
            f"{self.gateway_bytes / 1e6:.0f}", f"{self.backend_bytes / 1e6:.0f}",
        )


class Report:
    def __init__(self):
        self.phases, self.timings, self.data, self.courses = [], [], {}, {}

    def markdown(self):
        return _table(HEADINGS, [phase.cells() for phase in self.phases]) + QUESTIONS + _questions(self.timings)

    def write(self):
        """Writes table and pictures. Roles that did not run this time keep what they have."""
        path = RESULTS / "incident.json"
        known = json.loads(path.read_text()) if path.exists() else {"data": {}, "phases": [], "timings": []}
        data = {**known["data"], **self.data}
        phases = [Phase(**phase) for phase in known["phases"] if phase["roles"] not in self.data] + self.phases
        timings = [Timing(**line) for line in known["timings"] if line["roles"] not in self.data] + self.timings
        facts = "".join(f"- {name}: {line}\n" for name, line in data.items())
        pictures = "".join(f"\n![{name}](incident-{slug(name)}.svg)\n" for name in data)
        (RESULTS / "incident.md").write_text(f"{HEAD}{facts}\n{_table(HEADINGS, [phase.cells() for phase in phases])}{pictures}{QUESTIONS}{_questions(timings)}")
        lines = [asdict(phase) for phase in phases]
        asked = [asdict(timing) for timing in timings]
        path.write_text(json.dumps({"data": data, "phases": lines, "timings": asked}, indent=1, ensure_ascii=False) + "\n")
        for name, course in self.courses.items():
            picture(name, course, RESULTS / f"incident-{slug(name)}.svg")


def _questions(timings):
    lines = []
    for roles in dict.fromkeys(timing.roles for timing in timings):
        of_scene = sorted((timing for timing in timings if timing.roles == roles), key=lambda timing: -timing.p95_ms)
        lines += [timing for place, timing in enumerate(of_scene) if place < SLOWEST or timing.is_ours]
    cold = lambda timing: "–" if timing.cold_ms is None else f"{timing.cold_ms:.0f}"
    return _table(TIMING_HEADINGS, [
        (line.roles, f"`{line.name}`", f"{line.p50_ms:.1f}", f"{line.p95_ms:.1f}", cold(line), f"{line.answer_bytes / 1000:.1f}") for line in lines
    ])


def _table(headings, lines):
    rows = [headings, tuple("---" for _ in headings), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def slug(name):
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")


def picture(name, course, path):
    """Latency of chat for each second, with the phases below."""
    chart = pygal.Line(
        title=f"Chat during the incident: {name}", x_title="seconds", y_title="ms", logarithmic=True, dots_size=1, width=1000, height=400,
        show_minor_x_labels=False, disable_xml_declaration=True, js=[],
    )
    begins = {at for at, _ in course["phases"]}
    chart.x_labels = [f"{at} {dict(course['phases']).get(at, '')}".strip() for at in range(len(course["p99"]))]
    chart.x_labels_major = [label for at, label in enumerate(chart.x_labels) if at in begins]
    chart.add("p50", course["p50"])
    chart.add("slowest", course["p99"])
    chart.render_to_file(str(path))
