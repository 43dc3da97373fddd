"""The comparison itself: what is wrong in a ledger is found."""

import pytest

from harness.bulkhead import cost_nano
from harness.reconcile import reconcile

BILLED = {"input": 10, "output": 5, "cache_read": 0, "cache_write": 0}


def call(number, name="a"):
    return {"number": number, "id": name, "at_us": number, "ended": "finished", "billed": BILLED}


def row(number, name="a", status="success", answer=True, **more):
    return {
        "id": f"row-{number}", "call_id": name, "started_at": number, "status": status, "cost_nano": cost_nano(BILLED),
        "usage_estimated": "1" if status == "interrupted" else "0",
        "response_id": f"chatcmpl-scripted{number}" if answer else "", **more,
    }


def test_an_exact_ledger():
    audit = reconcile([call(1), call(2, "b")], [row(2, "b"), row(1)], {"a": 1, "b": 1})
    assert audit.is_exact() and (audit.calls, audit.rows, audit.unreached) == (2, 2, 0)


def test_a_call_without_a_row_is_lost():
    audit = reconcile([call(1), call(2, "b")], [row(1)], {"a": 1, "b": 1})
    assert [call["id"] for call in audit.lost] == ["b"] and not audit.double


@pytest.mark.parametrize("status", ["success", "interrupted"])
def test_a_second_row_of_a_call_is_double(status):
    second = row(7, status=status, answer=status == "success")
    second["response_id"] = "chatcmpl-scripted1" if status == "success" else ""
    audit = reconcile([call(1)], [row(1), second], {"a": 1})
    assert len(audit.double) == 1 and not audit.lost


def test_one_nano_dollar_is_seen():
    audit = reconcile([call(1)], [row(1, cost_nano=cost_nano(BILLED) + 1)], {"a": 1})
    assert audit.nano_off == 1 and not audit.is_exact()


def test_an_interrupted_row_must_say_that_it_is_an_estimate():
    rows = [row(1, status="interrupted", answer=False)]
    assert reconcile([call(1)], rows, {"a": 1}).is_exact()
    rows[0]["usage_estimated"] = "0"
    assert not reconcile([call(1)], rows, {"a": 1}).is_exact()


def test_an_intent_that_never_reached_the_provider_is_no_double():
    rows = [row(1), row(0, status="interrupted", answer=False)]
    audit = reconcile([call(1)], rows, {"a": 2})
    assert audit.is_exact() and audit.unreached == 1
    # But a finished row needs a call of its own.
    assert reconcile([call(1)], [row(1), row(0, answer=False)], {"a": 2}).double
