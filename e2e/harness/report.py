"""The table of the failure laboratory."""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "bench/results"
HEADINGS = (
    "scenario", "database", "gateways", "requests sent", "failed", "ledger rows expected", "lost", "double",
    "nano-dollars off", "longest revoke", "notes",
)


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
        rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(line.cells() for line in self.lines)]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"

    def write(self, form):
        head = (
            "# Failure laboratory\n\nWritten by `make chaos`. One machine runs the gateways, the database, the scripted "
            "provider and the clients.\nA request that a killed gateway had begun to answer counts as failed; one that "
            "brought no byte back went to\nanother gateway, as a load balancer does.\n\n"
        )
        (RESULTS / "chaos.md").write_text(head + self.markdown())
        facts = {"form": form, "machine": platform.platform(), "lines": [asdict(line) for line in self.lines]}
        (RESULTS / "chaos.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
