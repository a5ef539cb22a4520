"""Tests an agent of an app by the calls that it makes: `pytest examples/testing`.

Nothing is sent and no key is needed. `order_desk` stands for your app; its processor was made at its import, as usual.
"""

from order_desk import hold_a_conversation

from roark_otel.testing import CapturedCalls, Tool


def test_an_order_is_found(roark_calls: CapturedCalls) -> None:
    hold_a_conversation("Where is order A-17?")

    call = roark_calls.one()
    assert call.said == [("customer", "Where is order A-17?"), ("agent", "It was shipped.")]
    assert call.tools == [Tool("find_order", {"order_id": "A-17"}, {"status": "shipped"})]
    call.answers.within(ms=800)


def test_an_unknown_order_is_admitted(roark_calls: CapturedCalls) -> None:
    hold_a_conversation("Where is order B-2?")

    # The outline has no times and no ids, so it is the same in every run.
    assert roark_calls.one().outline() == (
        "customer: Where is order B-2?\n"
        '  find_order(order_id="B-2") -> {"error": "no such order"}\n'
        "agent: I cannot find B-2.\n"
    )
