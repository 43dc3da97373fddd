"""Clients that leave, at any moment: the provider is left at once, the row says so, and nothing stays open."""

import pytest

from harness.process import eventually

CLOSED_MS_MAX = 100


@pytest.mark.parametrize("which, http2", [("lab", False), ("lab", True), ("up_lab", False)],
                         ids=["postgres", "postgres-http2", "up"])
def test_cancels_at_random_moments(which, http2, request):
    lab = request.getfixturevalue(which)
    count, rate = lab.pick(150, 1_200), 50
    cancels = lab.pick(50, 1_000)
    flow = lab.driver.start(
        "leave", lab.fleet.urls, rate, [lab.fleet.key()], requests_max=count, cancel_within_ms=500, prompt_words=20, http2=http2,
        stream_script="words=40 gap_ms=10 delay_ms=100", whole_script="delay_ms=400",
    )
    eventually(lambda: sum(flow.counts()[how] for how in ("cancelled", "done", "refused", "cut")) == count, 120)
    requests = flow.stop()
    audit = lab.audit(requests)
    left_us = {request["id"]: request["end_us"] for request in requests.with_outcome("cancelled")}
    late_ms = sorted(
        (entry["ended_at_us"] - left_us[entry["id"]]) / 1000 for entry in lab.upstream.books() if entry["id"] in left_us
    )
    eventually(lambda: lab.fleet.in_flight() == 0, 5, "the end of every request on the gauge")
    lab.add(
        f"{cancels:,} clients and more leave at random moments, HTTP/{2 if http2 else 1.1}", requests, audit,
        notes=f"{len(left_us):,} left; upstream closed after {late_ms[-1]:.0f} ms at most, {late_ms[len(late_ms) // 2]:.1f} ms in the middle; "
        f"{audit.cancelled} rows cancelled, charged {audit.cancelled_nano:,} n$ where the provider counted "
        f"{audit.cancelled_provider_nano:,}",
    )
    assert not requests.failed, requests.why()
    assert audit.is_exact(), vars(audit)
    assert audit.statuses["cancelled"] >= cancels and not audit.statuses["interrupted"], audit.statuses
    # The short form shares its machine with other tests: a few may come late there.
    share = lab.pick(0.95, 1.0)
    assert late_ms[int(len(late_ms) * share) - 1] <= CLOSED_MS_MAX, late_ms[-10:]
