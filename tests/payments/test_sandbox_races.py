"""The sandbox's books with many hands in them at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from config.kernel import clock as kernel_clock
from payments.gateways.base import PayoutRequest, RefundRequest, RefundStanding, Rejected
from payments.gateways.sandbox import SandboxGateway
from payments.gateways.sandbox.keys import text
from payments.models import Dispute, Notice, SandboxRefund, SandboxTransfer
from payments.services.sandbox import sandbox_pay
from payments.services.sandbox_bank import sandbox_dispute
from tests.payments.conftest import Buy, credits_of
from tests.payments.test_races import AT_ONCE, at_once


def test_of_twenty_that_make_a_key_at_once_all_play_with_the_same(committed_db: Any, demo: None) -> None:
    assert len(set(at_once(lambda _: text("raced", 32)))) == 1


def test_twenty_refunds_at_once_give_back_no_more_than_was_paid(committed_db: Any, demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(bonus=0))
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())

    def refund(_: int) -> RefundStanding:
        request = RefundRequest(uuid4(), order.uuid, "", "", 3_000, 10_000, "CNY")
        return SandboxGateway.configured().refund(request)

    answers = at_once(refund)
    assert sum(isinstance(answer, RefundStanding) for answer in answers) == SandboxRefund.objects.count() == 3
    assert sum(isinstance(answer, Rejected) for answer in answers) == AT_ONCE - 3


def test_one_refund_and_one_payout_sent_twenty_times_are_one(committed_db: Any, demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(bonus=0))
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    request = RefundRequest(uuid4(), order.uuid, "", "", 3_000, 10_000, "CNY")
    payout = PayoutRequest(uuid4(), 5_000, {"account": "creator@example.com"}, "x", kernel_clock.now())
    refunds = at_once(lambda _: SandboxGateway.configured().refund(request))
    payouts = at_once(lambda _: SandboxGateway.configured().payout(payout))
    assert (len(set(refunds)), [standing.outcome for standing in payouts]) == (1, ["paid"] * AT_ONCE)
    assert SandboxRefund.objects.count() == SandboxTransfer.objects.count() == 1


def test_twenty_presses_of_dispute_are_one_dispute(committed_db: Any, demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    results = at_once(lambda _: sandbox_dispute(payment_id=order.uuid, outcome="opened", at=kernel_clock.now()), 8)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (Dispute.objects.count(), Notice.objects.filter(kind__contains="dispute").count(), credits_of(user)) == (1, 2, 0)
