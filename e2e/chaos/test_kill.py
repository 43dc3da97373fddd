"""`kill -9` of gateways under load: the ledger has one row for each call that the provider counted."""

import random

import pytest

PROMPT_WORDS = 500
# Streams and answers long enough that a kill finds many of them open.
STREAM = {"short": "words=30 gap_ms=10", "long": "words=60 gap_ms=25"}
WHOLE = "words=50 delay_ms=200"
# How far the estimates of interrupted calls may be from the provider's count in total; few calls vary more.
ESTIMATES_OFF_MAX = {"short": 0.3, "long": 0.1}


@pytest.mark.parametrize("which", ["lab", "up_lab"], ids=["postgres", "up"])
def test_kills_lose_nothing_and_double_nothing(which, request):
    lab = request.getfixturevalue(which)
    kills, rate = lab.pick(4, 30), lab.pick(100, 220)
    stream, estimates_off_max = (lab.pick(both["short"], both["long"]) for both in (STREAM, ESTIMATES_OFF_MAX))
    flow = lab.driver.start("storm", lab.fleet.urls, rate, [lab.fleet.key()], stream_script=stream, whole_script=WHOLE,
                            prompt_words=PROMPT_WORDS)
    chance = random.Random(7)
    # A gateway that is alone lives as long between two kills as one of several does.
    answers = rate // 2 if len(lab.fleet.urls) > 1 else rate * 3 // 2
    for _ in range(kills):
        flow.go_on(answers)
        lab.fleet.kill(chance.randrange(len(lab.fleet.urls)))
    flow.go_on(rate)
    requests = flow.stop()
    audit = lab.audit(requests)
    lab.add(
        f"{kills} × `kill -9` of a gateway at {rate} requests/s", requests, audit,
        notes=f"{len(requests.moved)} requests moved to another gateway; {audit.interrupted} rows interrupted, estimated "
        f"{audit.interrupted_nano:,} n$ where the provider counted {audit.interrupted_provider_nano:,} "
        f"({audit.estimate_error:+.1%})",
    )
    assert audit.is_exact(), vars(audit)
    # What a kill may cost a client: an answer that had begun. Nobody is refused, and nobody waits in vain.
    assert not requests.with_outcome("refused", "unanswered"), requests.why()
    assert abs(audit.estimate_error) <= estimates_off_max, f"estimates {audit.estimate_error:+.1%} off in total"
    assert audit.interrupted > 0, "the kills came at the wrong time to prove anything"
