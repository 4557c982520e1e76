"""Disputes: everything is taken back when one is opened, undone when it is won, kept when it is lost; told in any order, once each."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction

from credits.exceptions import WalletFrozen
from credits.models import Maturing
from credits.services.hold import hold, hold_release
from credits.services.wallet import mature
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return
from payments.exceptions import OrderDisputed
from payments.gateways.base import DisputeOutcome, DisputeStanding
from payments.models import Dispute, Order
from payments.selectors.dispute import is_open_for
from payments.services.dispute import dispute_heard, dispute_move
from payments.services.refund import refund_request
from payments.services.refund_terms import Refundable, refundable_of
from payments.services.withdrawal import withdrawal_apply
from payments.states import DISPUTE_EDGES, DisputeState
from tests.payments.conftest import deliver, fates, moved
from tests.payments.refunding import alarms, buckets, charge_of, cny, kinds, now, paid_order, refunded, tipped, used, wallet
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def payer(user_factory: Any) -> Any:
    return user_factory(bonus=0)


@pytest.fixture
def creators(user_factory: Any) -> tuple[Any, Any]:
    return user_factory(bonus=0), user_factory(bonus=0)


@pytest.fixture
def order(stripe_server: StripeServer, payer: Any) -> Order:
    return paid_order(stripe_server, payer)


def told(server: StripeServer, dispute: dict[str, Any], kind: str = "updated") -> str:
    """The event of the dispute as it is arrives; its fate."""
    return str(deliver(*server.event(f"charge.dispute.{kind}", dispute)).fate)


def opened(server: StripeServer, order: Order, cents: int | None = None) -> dict[str, Any]:
    """A charge-back that we have heard of."""
    dispute = server.dispute(charge_of(server, order)["id"], amount=cents)
    assert told(server, dispute, "created") == "recorded"
    order.refresh_from_db()
    return dispute


def ended(server: StripeServer, order: Order, dispute: dict[str, Any], status: str) -> Dispute:
    """The bank has decided, and we have heard of it."""
    assert told(server, server.dispute_moves(dispute["id"], status), "closed") == "recorded"
    order.refresh_from_db()
    return Dispute.objects.get()


def test_an_open_dispute_freezes_the_payer_and_takes_back_what_is_unspent(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    opened(stripe_server, order)
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.is_frozen, dispute.is_money_gone, dispute.owed_credits) == ("open", True, True, 0)
    assert buckets(payer)[:4] == (0, 0, 0, 1)
    assert (cny("cash:stripe"), cny("refunds"), cny("losses")) == (0, 10_000, 0)
    assert (order.status, kinds(payer)[-1], "dispute_opened" in alarms()) == ("succeeded", "dispute.opened", True)
    assert is_open_for(payer.pk)
    with pytest.raises(WalletFrozen), transaction.atomic():
        used(payer, 1)


def test_nothing_is_refunded_while_a_dispute_is_open(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    opened(stripe_server, order)
    assert refundable_of(order, now()) == Refundable()
    with pytest.raises(OrderDisputed):
        refund_request(user_id=payer.pk, order_uuid=order.uuid, reason="", amount_cents=1, at=now())


def test_a_part_takes_a_part(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    opened(stripe_server, order, 2_500)
    assert buckets(payer)[:2] == (750, 75)
    assert cny("cash:stripe") == 7_500


def test_lost_after_all_was_used_up_is_owed_by_the_payer(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    used(payer, 900)
    dispute = opened(stripe_server, order)
    assert buckets(payer)[:4] == (0, 0, 0, 1)
    assert Dispute.objects.get().owed_credits == 900
    ended(stripe_server, order, dispute, "lost")
    assert buckets(payer)[:4] == (0, 0, 900, 0)
    assert (order.status, order.refunded_cents, cny("losses")) == ("refunded", 10_000, 0)
    assert (kinds(payer)[-2:], "dispute_lost" in alarms()) == (["dispute.closed", "order.refunded"], True)
    assert not is_open_for(payer.pk)
    with pytest.raises(WalletFrozen), transaction.atomic():
        used(payer, 1, key="owing")


def test_won_gives_all_of_it_back(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    used(payer, 100)
    before = buckets(payer)
    dispute = opened(stripe_server, order)
    row = ended(stripe_server, order, dispute, "won")
    assert (row.status, row.is_frozen, row.is_money_gone) == ("won", False, False)
    assert (buckets(payer), cny("cash:stripe"), cny("refunds")) == (before, 10_000, 0)
    assert (order.status, order.taken_paid, order.taken_bonus, kinds(payer)[-1]) == ("succeeded", 0, 0, "dispute.closed")
    used(payer, 1, key="free again")


def test_an_appeal_that_is_won_undoes_a_loss(stripe_server: StripeServer, order: Order, payer: Any, creators: Any) -> None:
    used(payer, 500)
    tipped(payer, creators[0], 300)
    before = (buckets(payer), buckets(creators[0]))
    dispute = opened(stripe_server, order)
    ended(stripe_server, order, dispute, "lost")
    assert (order.status, buckets(payer)[2], buckets(creators[0])[4]) == ("refunded", 500, 0)
    assert told(stripe_server, stripe_server.dispute_moves(dispute["id"], "appeal_under_review")) == "superseded"
    ended(stripe_server, order, dispute, "won")
    assert (buckets(payer), buckets(creators[0])) == before
    assert (order.status, order.refunded_cents, cny("cash:stripe"), cny("refunds"), cny("losses")) == ("succeeded", 0, 10_000, 0, 0)


def test_two_creators_pending_matured_and_withdrawn(
    stripe_server: StripeServer, order: Order, payer: Any, creators: Any, clock: Any
) -> None:
    one, two = creators
    tipped(payer, one, 400, key="old")
    clock.advance(days=settings.CARD_MATURITY_DAYS + 1)
    while mature(at=now()):
        pass
    withdraw_begin(user_id=one.pk, key="w", ref="withdrawal:x", hundredths=30_000, at=now())
    withdraw_pay(user_id=one.pk, key="p", ref="withdrawal:x", hundredths=30_000, channel="stripe", amount_cents=1_500, at=now())
    tipped(payer, two, 500, key="new")
    assert (buckets(one)[4:], buckets(two)[4:]) == ((0, 6_000, 0), (45_000, 0, 0))
    dates = list(Maturing.objects.filter(wallet_id=two.pk).values_list("matures_at", flat=True))
    before = (buckets(payer), buckets(one), buckets(two))
    dispute = opened(stripe_server, order)
    assert (buckets(one)[4:], buckets(two)[4:]) == ((0, 0, 0), (0, 0, 0))
    row = Dispute.objects.get()
    assert (row.owed_credits, row.losses_cents, cny("losses")) == (0, 1_500, 1_500)
    assert (cny("cash:stripe"), cny("refunds")) == (-1_500, 8_500)
    ended(stripe_server, order, dispute, "lost")
    assert (order.status, buckets(payer)[2:4], cny("losses")) == ("refunded", (0, 0), 1_500)
    ended(stripe_server, order, dispute, "won")
    assert (buckets(payer), buckets(one), buckets(two)) == before
    assert list(Maturing.objects.filter(wallet_id=two.pk, settled_by=None).values_list("matures_at", flat=True)) == dates
    assert (cny("cash:stripe"), cny("losses"), cny("refunds")) == (8_500, 0, 0)


@pytest.fixture
def small_withdrawals(settings: Any) -> None:
    settings.WITHDRAWAL_LEAST_CENTS = 100


def withdrawing(payer: Any, creator: Any, clock: Any) -> Any:
    """The creator has asked for all that the payer's tip became."""
    tipped(payer, creator, 1_000)
    clock.advance(days=settings.CARD_MATURITY_DAYS + 1)
    while mature(at=now()):
        pass
    account = {"account": "creator@example.com", "name": "张三"}
    cents = wallet(creator).coins // settings.COINS_PER_CNY
    return withdrawal_apply(user_id=creator.pk, amount_cents=cents, method="alipay", account=account, idempotency_key="w", at=now())


def test_coins_in_an_open_withdrawal_are_blocked_and_collected_when_it_is_lost(
    stripe_server: StripeServer, order: Order, payer: Any, creators: Any, clock: Any, small_withdrawals: None
) -> None:
    withdrawal = withdrawing(payer, creators[0], clock)
    assert buckets(creators[0])[4:] == (0, 0, 90_000)
    dispute = opened(stripe_server, order)
    assert (is_open_for(creators[0].pk), Dispute.objects.get().losses_cents) == (True, 4_500)
    ended(stripe_server, order, dispute, "lost")
    withdrawal.refresh_from_db()
    assert (withdrawal.status, buckets(creators[0])[4:], is_open_for(creators[0].pk)) == ("rejected", (0, 0, 0), False)
    assert (Dispute.objects.get().losses_cents, cny("losses"), cny("refunds"), cny("cash:stripe")) == (0, 0, 10_000, 0)


def test_a_won_dispute_leaves_the_withdrawal_where_it_is(
    stripe_server: StripeServer, order: Order, payer: Any, creators: Any, clock: Any, small_withdrawals: None
) -> None:
    withdrawal = withdrawing(payer, creators[0], clock)
    dispute = opened(stripe_server, order)
    ended(stripe_server, order, dispute, "won")
    withdrawal.refresh_from_db()
    assert (withdrawal.status, buckets(creators[0])[4:], is_open_for(creators[0].pk)) == ("applied", (0, 0, 90_000), False)
    assert (cny("losses"), cny("cash:stripe")) == (0, 10_000)


def test_coins_returned_before_the_loss_are_collected(
    stripe_server: StripeServer, order: Order, payer: Any, creators: Any, clock: Any
) -> None:
    tipped(payer, creators[0], 1_000)
    clock.advance(days=settings.CARD_MATURITY_DAYS + 1)
    while mature(at=now()):
        pass
    withdraw_begin(user_id=creators[0].pk, key="w", ref="withdrawal:x", hundredths=90_000, at=now())
    dispute = opened(stripe_server, order)
    withdraw_return(user_id=creators[0].pk, key="r", ref="withdrawal:x", hundredths=90_000, at=now())
    ended(stripe_server, order, dispute, "lost")
    assert (buckets(creators[0])[4:], cny("losses")) == ((0, 0, 0), 0)


def test_an_enquiry_freezes_nothing_and_blocks_withdrawals(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    before = (buckets(payer), cny("cash:stripe"), kinds(payer))
    dispute = stripe_server.dispute(charge_of(stripe_server, order)["id"], "warning_needs_response")
    assert told(stripe_server, dispute, "created") == "recorded"
    assert (buckets(payer), cny("cash:stripe"), kinds(payer)) == before
    assert (is_open_for(payer.pk), "dispute_warning" in alarms()) == (True, True)
    assert told(stripe_server, dispute) == "superseded"
    assert told(stripe_server, stripe_server.dispute_moves(dispute["id"], "warning_closed"), "closed") == "recorded"
    assert (Dispute.objects.get().status, is_open_for(payer.pk)) == ("won", False)
    assert (buckets(payer), cny("cash:stripe"), kinds(payer)) == before


def test_an_enquiry_may_become_a_charge_back(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    dispute = stripe_server.dispute(charge_of(stripe_server, order)["id"], "warning_needs_response")
    told(stripe_server, dispute, "created")
    assert told(stripe_server, stripe_server.dispute_moves(dispute["id"], "needs_response"), "funds_withdrawn") == "recorded"
    assert (Dispute.objects.get().status, buckets(payer)[3], cny("cash:stripe")) == ("open", 1, 0)


@pytest.mark.parametrize("outcome", ["won", "lost"])
@pytest.mark.parametrize("numbers", list(permutations(range(4))))
def test_any_order_of_events_ends_the_same(
    stripe_server: StripeServer, order: Order, payer: Any, creators: Any, numbers: tuple[int, ...], outcome: str
) -> None:
    used(payer, 200)
    tipped(payer, creators[0], 300)
    before = (buckets(payer), buckets(creators[0]))
    created = stripe_server.dispute(charge_of(stripe_server, order)["id"])
    reviewed = stripe_server.dispute_moves(created["id"], "under_review")
    closed = stripe_server.dispute_moves(created["id"], outcome)
    extra = "funds_reinstated" if outcome == "won" else "updated"
    events = [("created", created), ("funds_withdrawn", reviewed), ("closed", closed), (extra, closed)]
    for number in (*numbers, *numbers):
        told(stripe_server, events[number][1], events[number][0])
    order.refresh_from_db()
    assert "received" not in fates()
    if outcome == "won":
        assert (buckets(payer), buckets(creators[0]), cny("cash:stripe"), order.status) == (*before, 10_000, "succeeded")
    else:
        assert (buckets(payer)[:4], buckets(creators[0])[4], cny("cash:stripe")) == ((0, 0, 200, 0), 0, 0)
        assert (order.status, order.taken_paid) == ("refunded", 1_000)


def test_what_is_on_hold_is_not_lost_sight_of(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    held = hold(user_id=payer.pk, key="h", ref="task:1", amount=1_000, bonus_first=False, at=now())
    dispute = opened(stripe_server, order)
    assert buckets(payer)[:3] == (0, 0, 900)
    hold_release(hold_id=held.hold_id, key="r", at=now())
    assert buckets(payer)[:3] == (100, 0, 0)
    ended(stripe_server, order, dispute, "won")
    assert buckets(payer)[:4] == (1_000, 100, 0, 0)


def test_refunded_before_and_charged_back_too_is_borne_by_the_platform(
    stripe_server: StripeServer, order: Order, payer: Any, user_factory: Any
) -> None:
    refunded(order, user_factory(is_staff=True), 10_000)
    dispute = stripe_server.dispute(charge_of(stripe_server, order)["id"])
    told(stripe_server, dispute, "created")
    assert (cny("cash:stripe"), cny("refunds"), cny("losses")) == (-10_000, 10_000, 10_000)
    ended(stripe_server, order, dispute, "lost")
    assert (order.status, order.refunded_cents, buckets(payer)[:4]) == ("refunded", 10_000, (0, 0, 0, 0))
    ended(stripe_server, order, dispute, "won")
    assert (cny("cash:stripe"), cny("losses"), order.status) == (0, 0, "refunded")


def test_two_disputes_of_one_payer_count_each(stripe_server: StripeServer, order: Order, payer: Any) -> None:
    other = paid_order(stripe_server, payer, idempotency_key="second")
    first = opened(stripe_server, order)
    stripe_server.dispute(charge_of(stripe_server, other)["id"])
    (second,) = [row for row in stripe_server.disputes.values() if row["id"] != first["id"]]
    told(stripe_server, second, "created")
    assert (buckets(payer)[:2], buckets(payer)[3]) == ((0, 0), 2)
    told(stripe_server, stripe_server.dispute_moves(first["id"], "won"), "closed")
    assert (buckets(payer)[:2], buckets(payer)[3]) == ((1_000, 100), 1)
    told(stripe_server, stripe_server.dispute_moves(second["id"], "won"), "closed")
    assert (buckets(payer)[:2], buckets(payer)[3]) == ((2_000, 200), 0)


@pytest.mark.parametrize(
    ("wrong", "source", "reason"),
    [
        ({"amount_cents": 10_001}, "stripe", "another amount"),
        ({"amount_cents": 0}, "stripe", "another amount"),
        ({"currency": "USD"}, "stripe", "another currency"),
        ({"charge_id": "pi_other"}, "stripe", "another charge"),
        ({"order_uuid": UUID(int=1), "charge_id": ""}, "stripe", "unknown order"),
        ({"external_id": ""}, "stripe", "no number"),
        ({}, "wechat", "another channel"),
    ],
)
@pytest.mark.parametrize("outcome", list(DisputeOutcome))
def test_a_word_that_does_not_fit_is_refused_with_an_alarm(
    order: Order, wrong: dict[str, Any], source: str, reason: str, outcome: DisputeOutcome
) -> None:
    right = {"external_id": "dp_1", "order_uuid": order.uuid, "charge_id": order.charge_id, "amount_cents": 10_000, "currency": "CNY"}
    before = moved()
    verdict = dispute_heard(DisputeStanding(outcome, **{**right, **wrong}), source=source, at=now())
    assert (verdict.fate, verdict.reason) == ("refused", reason)
    assert moved() == before
    assert not Dispute.objects.exists()
    assert alarms()


def test_a_stranger_is_none_of_our_business_and_another_amount_later_is_refused(stripe_server: StripeServer, order: Order) -> None:
    word = DisputeStanding(DisputeOutcome.OPEN, external_id="dp_x", charge_id="pi_foreign", amount_cents=1, currency="CNY")
    assert dispute_heard(word, source="stripe", at=now()).fate == "ignored"
    dispute = opened(stripe_server, order)
    before = moved()
    assert told(stripe_server, dispute | {"status": "lost", "amount": 9_999}, "closed") == "refused"
    assert moved() == before


@pytest.mark.parametrize("state", list(DisputeState))
@pytest.mark.parametrize("to", list(DisputeState))
def test_a_dispute_moves_along_its_edges_only(order: Order, state: DisputeState, to: DisputeState) -> None:
    facts = {"amount_cents": 1, "opened_at": now(), "updated_at": now(), "external_id": "dp"}
    dispute = Dispute.objects.create(order=order, status=state, **facts)
    assert dispute_move(dispute, to, at=now()) is (to in DISPUTE_EDGES[state])
    dispute.refresh_from_db()
    assert dispute.status == (to if to in DISPUTE_EDGES[state] else state)
