"""A rolling restart with open streams: no request fails, and none is cut off."""

# Each stream lasts two seconds, far less than a gateway waits for those that are open.
STREAM = "words=40 gap_ms=50"


def test_a_rolling_restart_fails_nobody(lab):
    rounds, rate = lab.pick(1, 5), 40
    flow = lab.driver.start("rolling", lab.fleet.urls, rate, [lab.fleet.key()], stream_script=STREAM,
                            whole_script="delay_ms=100", prompt_words=20)
    flow.go_on(2 * rate)
    longest = 0.0
    for _ in range(rounds):
        for gateway in lab.fleet.gateways:
            assert gateway.process.stop() == 0, "drained in good order"
            longest = max(longest, gateway.start())
            flow.go_on(rate)
    requests = flow.stop()
    audit = lab.audit(requests)
    lab.add(f"{rounds} rolling restarts with open streams", requests, audit,
            notes=f"{len(requests.moved)} requests found a closed door and went on; longest start {longest:.2f} s")
    assert not requests.failed, requests.why()
    assert audit.is_exact(), vars(audit)
    # A request that went to another gateway had not begun on the first.
    assert audit.calls == len(requests) and audit.unreached == 0
