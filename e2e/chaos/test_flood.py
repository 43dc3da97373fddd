"""A flood of keys that nobody knows: the database hardly notices, nor do the others."""

import time

from harness.load import Requests
from harness.process import eventually

# Of all gateways together, their ordinary ones included.
QUERIES_PER_SECOND_MAX = 20
P99_RATIO_MAX = 1.25
# With and without the flood in turns: a 99th percentile of few requests says more of the machine than of the flood.
CHAT_RATE = 100


def statements_per_second(lab, seconds):
    """What the gateways ask of the database."""
    before, began = lab.fleet.proxy.counts()["statements"], time.monotonic()
    eventually(lambda: time.monotonic() - began >= seconds, seconds + 5)
    asked = lab.fleet.proxy.counts()["statements"] - before
    return asked / (time.monotonic() - began)


def test_a_flood_of_unknown_keys(lab):
    rate, seconds = lab.pick(300, 2_000), lab.pick(4, 20)
    key = lab.fleet.key()
    warm = lab.driver.start("warm", lab.fleet.urls, 50, [key], prompt_words=20)
    warm.go_on(100)
    warm = warm.stop()
    idle = statements_per_second(lab, seconds)
    flood = lab.driver.start("flood", lab.fleet.urls, rate, models=["oai"], stream_share=0)
    # The first looks need not be spaced.
    eventually(lambda: flood.counts()["sent"] >= 2 * rate, 30)
    asked = statements_per_second(lab, seconds)
    flood_alone = flood.stop()

    def chat(name):
        flow = lab.driver.start(name, lab.fleet.urls, CHAT_RATE, [key], prompt_words=20)
        eventually(lambda: flow.counts()["sent"] >= CHAT_RATE * seconds, 10 * seconds)
        return flow.stop()

    calm, busy, strangers = Requests(), Requests(), Requests()
    for round in range(lab.pick(1, 3)):
        calm += chat(f"calm{round}")
        flood = lab.driver.start(f"flood{round}", lab.fleet.urls, rate, models=["oai"], stream_share=0)
        busy += chat(f"busy{round}")
        strangers += flood.stop()
    audit = lab.audit(warm + calm + busy)
    ratio = busy.latency_ms(0.99) / calm.latency_ms(0.99)
    lab.add(
        f"flood of unknown keys, {rate:,}/s", busy, audit,
        notes=f"{asked:.0f} statements/s of all gateways with the flood, {idle:.0f} without; chat p99 "
        f"{busy.latency_ms(0.99):.1f} ms, {ratio:.2f} × that without",
    )
    statuses = {request["status"] for request in flood_alone + strangers}
    # 503 where there was no place to wait for the one look at the database.
    assert statuses <= {401, 503}, statuses
    assert not calm.failed + busy.failed, busy.why()
    assert audit.is_exact(), vars(audit)
    assert asked <= QUERIES_PER_SECOND_MAX, f"{asked:.0f} statements/s, {idle:.0f} without a flood"
    assert ratio <= P99_RATIO_MAX or lab.form == "short", f"chat p99 moved by {ratio:.2f}"
