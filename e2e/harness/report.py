"""The table of the failure laboratory."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "bench/results"
HEADINGS = (
    "scenario", "database", "gateways", "requests sent", "failed", "ledger rows expected", "lost", "double",
    "nano-dollars off", "longest revoke", "notes",
)

HEAD = """# Failure laboratory

Written by `make chaos`. One machine runs the gateways, the database, the scripted provider and the clients.
A request whose answer had begun when its gateway was killed counts as failed; one that brought no byte back
went to another gateway, as a load balancer does it. Measured on """


@dataclass
class Line:
    """One scenario on one database."""

    scenario: str
    database: str
    gateways: int
    sent: int = 0
    failed: int = 0
    # The provider's own count of calls.
    expected: int = 0
    lost: int = 0
    double: int = 0
    nano_off: int = 0
    longest_revoke_ms: float | None = None
    notes: str = ""

    def cells(self):
        revoke = "–" if self.longest_revoke_ms is None else f"{self.longest_revoke_ms:.0f} ms"
        figures = (self.gateways, self.sent, self.failed, self.expected, self.lost, self.double, self.nano_off)
        return (self.scenario, self.database, *(f"{figure:,}" for figure in figures), revoke, self.notes)


class Report:
    def __init__(self):
        self.lines = []

    def add(self, scenario, fleet, requests, audit=None, **more):
        """Notes what a scenario came to; called before anything is asserted, so that failures are shown too."""
        line = Line(scenario, fleet.database_kind, len(fleet.urls), sent=len(requests), failed=len(requests.failed))
        if audit:
            line.expected, line.lost, line.double = audit.calls, len(audit.lost), len(audit.double)
            line.nano_off = audit.nano_off
        for name, value in more.items():
            setattr(line, name, value)
        self.lines.append(line)
        return line

    def markdown(self):
        return _table(self.lines)

    def write(self, form):
        """Writes the table. Scenarios that did not run this time keep the line that they have."""
        path = RESULTS / "chaos.json"
        known = [Line(**line) for line in json.loads(path.read_text())["lines"]] if path.exists() else []
        fresh = {(line.scenario, line.database): line for line in self.lines}
        lines = [fresh.pop((line.scenario, line.database), line) for line in known] + list(fresh.values())
        facts = {"form": form, "machine": f"{platform.system()}, {os.cpu_count()} cores"}
        (RESULTS / "chaos.md").write_text(f"{HEAD}{facts['machine']}.\n\n{_table(lines)}")
        path.write_text(json.dumps({**facts, "lines": [asdict(line) for line in lines]}, indent=1, ensure_ascii=False) + "\n")


def _table(lines):
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(line.cells() for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
