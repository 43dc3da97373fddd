"""`kill -9` of gateways under load: the ledger has one row for each call that the provider counted."""

import random

import pytest

# Streams long enough that a kill finds some of them open.
STREAM = "words=30 gap_ms=10"
PROMPT_WORDS = 500
WHOLE = "words=50 delay_ms=40"


@pytest.mark.parametrize("which", ["lab", "up_lab"], ids=["postgres", "up"])
def test_kills_lose_nothing_and_double_nothing(which, request):
    lab = request.getfixturevalue(which)
    kills, rate = lab.pick(4, 30), lab.pick(100, 220)
    key = lab.fleet.key()
    flow = lab.driver.start("storm", lab.fleet.urls, rate, [key], stream_script=STREAM, whole_script=WHOLE,
                            prompt_words=PROMPT_WORDS)
    chance = random.Random(7)
    for _ in range(kills):
        flow.go_on(rate // 2)
        lab.fleet.kill(chance.randrange(len(lab.fleet.urls)))
    flow.go_on(rate)
    requests = flow.stop()
    audit = lab.audit(requests)
    lab.add(
        f"{kills} × `kill -9` of a gateway at {rate} requests/s", requests, audit,
        notes=f"{len(requests.moved)} requests moved to another gateway; {audit.interrupted} rows interrupted, estimated "
        f"{audit.interrupted_nano:,} n$ where the provider counted {audit.interrupted_provider_nano:,}",
    )
    assert audit.is_exact(), vars(audit)
    # What a kill may cost a client: an answer that had begun. Nobody is refused, and nobody waits in vain.
    assert not requests.with_outcome("refused", "unanswered"), requests.why()
    assert audit.interrupted > 0, "the kills came at the wrong time to prove anything"
