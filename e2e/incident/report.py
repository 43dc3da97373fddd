"""The table and the picture of the incident."""

import json
from dataclasses import asdict, dataclass

import pygal

from harness.report import RESULTS

HEADINGS = (
    "roles", "phase", "LLM requests", "failed", "p50 ms", "p99 ms", "max ms", "p99 ÷ calm", "probes missed", "slowest probe ms",
    "reports answered", "shed (503)", "report p95 ms", "largest answer KB", "reports in the database", "spend lag s",
    "gateway MB", "backend MB",
)
HEAD = """# The incident, replayed

Written by `make incident`. Dashboards ask every report over all days of the data while chat goes on at a steady rate; then the backend is killed with -9,
then its memory runs out. Gateway, backend, databases, provider, clients and dashboards share two cores. Probes are made once a second.

"""


@dataclass
class Phase:
    """One phase of one scene."""

    roles: str
    phase: str
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    ratio: float
    missed: int
    probe_ms: float
    answered: int
    shed: int
    report_ms: float
    answer_bytes: int
    reports: int
    lag_seconds: float
    gateway_bytes: int
    backend_bytes: int

    def cells(self):
        return (
            self.roles, self.phase, f"{self.requests:,}", str(self.failed), f"{self.p50_ms:.1f}", f"{self.p99_ms:.1f}",
            f"{self.max_ms:.0f}", f"{self.ratio:.2f}", str(self.missed), f"{self.probe_ms:.0f}", f"{self.answered:,}",
            f"{self.shed:,}", f"{self.report_ms:.0f}", f"{self.answer_bytes / 1000:.0f}", str(self.reports), f"{self.lag_seconds:.1f}",
            f"{self.gateway_bytes / 1e6:.0f}", f"{self.backend_bytes / 1e6:.0f}",
        )


class Report:
    def __init__(self):
        self.phases, self.data, self.courses = [], {}, {}

    def markdown(self):
        return _table(self.phases)

    def write(self):
        """Writes table and pictures. Roles that did not run this time keep what they have."""
        path = RESULTS / "incident.json"
        known = json.loads(path.read_text()) if path.exists() else {"data": {}, "phases": []}
        data = {**known["data"], **self.data}
        phases = [Phase(**phase) for phase in known["phases"] if phase["roles"] not in self.data] + self.phases
        facts = "".join(f"- {name}: {line}\n" for name, line in data.items())
        pictures = "".join(f"\n![{name}](incident-{slug(name)}.svg)\n" for name in data)
        (RESULTS / "incident.md").write_text(f"{HEAD}{facts}\n{_table(phases)}{pictures}")
        lines = [asdict(phase) for phase in phases]
        path.write_text(json.dumps({"data": data, "phases": lines}, indent=1, ensure_ascii=False) + "\n")
        for name, course in self.courses.items():
            picture(name, course, RESULTS / f"incident-{slug(name)}.svg")


def _table(phases):
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(phase.cells() for phase in phases)]
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
