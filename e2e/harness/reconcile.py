"""Holds the ledger's rows against the provider's own books, call by call."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from .bulkhead import cost_nano

COLUMNS = "id, call_id, started_at, status, cost_nano, usage_estimated, response_id, deployment_id"
# Rows of calls that were made, or that a gateway was about to make; a refusal comes before that.
QUERY = f"select {COLUMNS} from usage_events where status <> 'refused'"


@dataclass
class Audit:
    """What the comparison found. Money is in nano-dollars."""

    calls: int = 0
    rows: int = 0
    # Calls that the provider counted and the ledger has no row for.
    lost: list = field(default_factory=list)
    # Rows too many: more than one for a call.
    double: list = field(default_factory=list)
    # Rows of gateways that died after writing the intent and before the provider heard of it.
    unreached: int = 0
    # Finished calls whose cost differs, and by how much altogether.
    differing: list = field(default_factory=list)
    nano_off: int = 0
    interrupted: int = 0
    # Interrupted rows that do not say that they are estimates.
    unmarked: list = field(default_factory=list)
    interrupted_nano: int = 0
    interrupted_provider_nano: int = 0
    cancelled: int = 0
    cancelled_nano: int = 0
    cancelled_provider_nano: int = 0
    statuses: dict = field(default_factory=lambda: defaultdict(int))

    def is_exact(self):
        return not (self.lost or self.double or self.differing or self.unmarked)

    @property
    def estimate_error(self):
        """How far the estimates are from the provider's count in total, as a share of that count."""
        if self.interrupted_provider_nano == 0:
            return 0.0
        return self.interrupted_nano / self.interrupted_provider_nano - 1


def reconcile(books, rows, tries):
    """`books`: the provider's; `rows`: the ledger's; `tries`: how often each request may have reached a gateway."""
    audit = Audit(calls=len(books), rows=len(rows))
    by_call = defaultdict(lambda: ([], []))
    for entry in books:
        by_call[entry["id"]][0].append(entry)
    for row in rows:
        audit.statuses[row["status"]] += 1
        by_call[row["call_id"]][1].append(row)
    for name, (calls, rows) in by_call.items():
        pairs, calls, rows = _pair(calls, rows)
        for call, row in pairs:
            _compare(audit, call, row)
        audit.lost += calls
        # A try that never reached the provider leaves an intent behind at most; a finished row needs a call.
        excused = max(0, tries.get(name, 0) - len(pairs) - len(calls))
        for row in sorted(rows, key=lambda row: row["status"] == "success"):
            if excused and row["status"] != "success":
                excused -= 1
                audit.unreached += 1
                _count(audit, row, 0)
            else:
                audit.double.append(row)
    return audit


def _pair(calls, rows):
    """Which row is of which call: by the provider's id of the answer, then by time; and what is left of both."""
    pairs, rest = [], []
    calls = {call["number"]: call for call in sorted(calls, key=lambda call: call["at_us"])}
    for row in sorted(rows, key=lambda row: int(row["started_at"])):
        found = re.search(r"scripted(\d+)$", row["response_id"] or "")
        call = calls.pop(int(found[1]), None) if found else None
        if call:
            pairs.append((call, row))
        else:
            rest.append(row)
    # A row that names an answer which was paired already is a second one.
    open_rows = [row for row in rest if not row["response_id"]]
    second = [row for row in rest if row["response_id"]]
    matched = list(zip(calls.values(), open_rows))
    for call, row in matched:
        del calls[call["number"]]
        pairs.append((call, row))
    return pairs, list(calls.values()), open_rows[len(matched):] + second


def _compare(audit, call, row):
    expected = cost_nano(call["billed"])
    if row["status"] == "success":
        off = int(row["cost_nano"]) - expected
        if off:
            audit.nano_off += abs(off)
            audit.differing.append((call, row))
    else:
        _count(audit, row, expected)


def _count(audit, row, expected):
    cost = int(row["cost_nano"])
    if row["status"] == "interrupted":
        audit.interrupted += 1
        audit.interrupted_nano += cost
        audit.interrupted_provider_nano += expected
        if str(row["usage_estimated"]) != "1":
            audit.unmarked.append(row)
    elif row["status"] == "cancelled":
        audit.cancelled += 1
        audit.cancelled_nano += cost
        audit.cancelled_provider_nano += expected
