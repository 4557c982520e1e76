"""Refunds: what is unspent goes back with one operator, more with two; told and asked in any order, money leaves once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import WalletFrozen
from payments.exceptions import DecisionRefused, PaymentNotFound, RefundNotFound, RefundOpen, RefundTooLarge
from payments.gateways.base import Outcome, RefundOutcome, RefundStanding, Standing
from payments.models import Order, Refund
from payments.services.refund import (
    refund_approve,
    refund_ask_due,
    refund_create,
    refund_duplicate,
    refund_heard,
    refund_reject,
    refund_request,
    refund_send,
)
from payments.services.refund_settle import refund_move
from payments.services.refund_terms import Refundable, refundable_of, value_of
from payments.states import REFUND_EDGES, RefundState
from tests.payments.conftest import Buy, deliver, fates, moved
from tests.payments.refunding import (
    alarms,
    buckets,
    charge_of,
    cny,
    kinds,
    lose_next_refund_answer,
    now,
    paid_order,
    refunded,
    tipped,
    used,
    wallet,
)
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def operators(user_factory: Any) -> tuple[Any, Any]:
    return user_factory(is_staff=True), user_factory(is_staff=True)


@pytest.fixture
def buyer(user_factory: Any) -> Any:
    return user_factory(bonus=0)


@pytest.fixture
def order(stripe_server: StripeServer, buyer: Any) -> Order:
    return paid_order(stripe_server, buyer)


def test_an_untouched_order_goes_back_whole_with_one_operator(
    stripe_server: StripeServer, order: Order, buyer: Any, operators: Any
) -> None:
    assert refundable_of(order, now()) == Refundable(10_000, order.paid_credits, order.bonus_credits)
    refund = refunded(order, operators[0], 10_000)
    assert (refund.status, refund.value_cents, order.status, order.refunded_cents) == ("succeeded", 10_000, "refunded", 10_000)
    assert charge_of(stripe_server, order)["amount_refunded"] == 10_000
    assert buckets(buyer)[:3] == (0, 0, 0)
    assert (cny("cash:stripe"), cny("refunds")) == (0, 10_000)
    assert kinds(buyer)[-1] == "order.refunded"
    assert refundable_of(order, now()) == Refundable()


def test_what_is_unspent_is_in_proportion_and_rounded_down(order: Order, buyer: Any) -> None:
    used(buyer, order.paid_credits - 333)
    found = refundable_of(order, now())
    assert found.amount_cents == 10_000 * 333 // order.paid_credits
    assert (found.paid_credits, found.bonus_credits) == (333, order.bonus_credits * found.amount_cents // 10_000)


def test_parts_add_up_to_the_whole(order: Order, buyer: Any, operators: Any) -> None:
    for number, cents in enumerate((3_333, 3_333, 3_334)):
        refunded(order, operators[0], cents, key=str(number))
    assert (order.status, order.taken_paid, order.taken_bonus) == ("refunded", order.paid_credits, order.bonus_credits)
    assert buckets(buyer)[:3] == (0, 0, 0)
    assert cny("cash:stripe") == 0


def test_a_part_leaves_the_order_partly_refunded_and_says_so_each_time(order: Order, buyer: Any, operators: Any) -> None:
    refunded(order, operators[0], 1_000, key="1")
    refunded(order, operators[0], 2_000, key="2")
    assert (order.status, order.refunded_cents) == ("partial_refunded", 3_000)
    assert kinds(buyer).count("order.refunded") == 2


@pytest.mark.parametrize("cents", [0, -1, 10_001, 10**15])
def test_no_more_than_was_paid_and_nothing_absurd(order: Order, operators: Any, cents: int) -> None:
    before = moved()
    with pytest.raises(RefundTooLarge, match="10000"):
        refund_create(order_id=order.pk, operator=operators[0], amount_cents=cents, reason="x", idempotency_key="k", at=now())
    assert moved() == before
    assert not Refund.objects.exists()


def test_an_unpaid_order_has_nothing_to_give_back(stripe_server: StripeServer, buy: Buy, buyer: Any) -> None:
    order = buy(buyer)
    assert refundable_of(order, now()) == Refundable()
    with pytest.raises(RefundTooLarge):
        refund_request(user_id=buyer.pk, order_uuid=order.uuid, reason="", at=now())


def test_the_same_key_is_the_same_refund_and_another_amount_a_conflict(order: Order, operators: Any) -> None:
    first = refunded(order, operators[0], 1_000)
    before = moved()
    assert refunded(order, operators[0], 1_000).pk == first.pk
    with pytest.raises(IdempotencyConflict):
        refunded(order, operators[0], 1_001)
    assert moved() == before


def test_a_buyers_wish_waits_for_an_operator(order: Order, buyer: Any, operators: Any) -> None:
    wish = refund_request(user_id=buyer.pk, order_uuid=order.uuid, reason="not what I wanted", at=now())
    assert (wish.status, wish.amount_cents, kinds(buyer)[-1]) == ("requested", 10_000, "refund.requested")
    with pytest.raises(RefundOpen):
        refund_request(user_id=buyer.pk, order_uuid=order.uuid, reason="again", at=now())
    with pytest.raises(RefundOpen):
        refunded(order, operators[0], 100)
    refund_approve(refund_id=wish.pk, operator=operators[0], reason="fine", amount_cents=4_000, at=now())
    wish = refund_send(refund_id=wish.pk, at=now())
    assert (wish.status, wish.amount_cents, wish.first_operator) == ("succeeded", 4_000, operators[0])


def test_somebody_elses_order_does_not_exist(order: Order, user_factory: Any) -> None:
    with pytest.raises(PaymentNotFound):
        refund_request(user_id=user_factory().pk, order_uuid=order.uuid, reason="", at=now())
    with pytest.raises(RefundNotFound):
        refund_approve(refund_id=0, operator=user_factory(), reason="x", at=now())


def test_a_no_tells_the_buyer_why_and_moves_nothing(order: Order, buyer: Any, operators: Any) -> None:
    wish = refund_request(user_id=buyer.pk, order_uuid=order.uuid, reason="", at=now())
    before = buckets(buyer)
    with pytest.raises(DecisionRefused):
        refund_reject(refund_id=wish.pk, operator=operators[0], answer=" ", at=now())
    wish = refund_reject(refund_id=wish.pk, operator=operators[0], answer="used up", at=now())
    assert (wish.status, wish.answer, kinds(buyer)[-1], buckets(buyer)) == ("rejected", "used up", "refund.rejected", before)
    with pytest.raises(DecisionRefused, match="rejected"):
        refund_approve(refund_id=wish.pk, operator=operators[0], reason="after all", at=now())


def test_a_decision_needs_a_reason_and_nobody_decides_for_themselves(order: Order, buyer: Any, operators: Any) -> None:
    wish = refund_request(user_id=buyer.pk, order_uuid=order.uuid, reason="", at=now())
    with pytest.raises(DecisionRefused, match="say why"):
        refund_approve(refund_id=wish.pk, operator=operators[0], reason=" ", at=now())
    with pytest.raises(DecisionRefused, match="own payment"):
        refund_approve(refund_id=wish.pk, operator=buyer, reason="please", at=now())
    wish.refresh_from_db()
    assert wish.status == "requested"


def test_more_than_is_unspent_needs_a_second_operator_and_is_owed(
    stripe_server: StripeServer, order: Order, buyer: Any, operators: Any
) -> None:
    used(buyer, order.paid_credits)
    first, second = operators
    refund = refunded(order, first, 10_000)
    assert (refund.status, refund.is_beyond_unspent, order.status) == ("waiting", True, "succeeded")
    with pytest.raises(DecisionRefused, match="another operator"):
        refund_approve(refund_id=refund.pk, operator=first, reason="really", at=now())
    with pytest.raises(DecisionRefused, match="another amount"):
        refund_approve(refund_id=refund.pk, operator=second, reason="less", amount_cents=1, at=now())
    refund_approve(refund_id=refund.pk, operator=second, reason="agreed", at=now())
    refund = refund_send(refund_id=refund.pk, at=now())
    assert (refund.status, refund.second_operator, refund.reason) == ("succeeded", second, "asked for; agreed")
    owed = order.paid_credits - order.bonus_credits
    assert buckets(buyer)[:3] == (0, 0, owed)
    with pytest.raises(WalletFrozen), transaction.atomic():
        used(buyer, 1, key="while owing")
    paid_order(stripe_server, buyer)
    assert wallet(buyer).shortfall == 0
    assert wallet(buyer).paid + wallet(buyer).bonus == order.paid_credits + order.bonus_credits - owed
    used(buyer, 1, key="free again")


def test_a_wallet_emptied_between_look_and_take_makes_it_a_case_for_two(
    order: Order, buyer: Any, operators: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(buyer, 1)
    monkeypatch.setattr("payments.services.refund.refundable_of", lambda *_: Refundable(10_000))
    refund = refund_create(order_id=order.pk, operator=operators[0], amount_cents=10_000, reason="x", idempotency_key="k", at=now())
    refund.refresh_from_db()
    assert (refund.status, refund.is_beyond_unspent, refund.takeback_id) == ("waiting", True, None)
    assert Order.objects.get(pk=order.pk).taken_paid == 0


def test_the_database_itself_wants_two_different_operators_and_one_open_refund(order: Order, operators: Any) -> None:
    facts: Any = {"order": order, "origin": "operator", "status": "waiting", "amount_cents": 1, "created_at": now(), "updated_at": now()}
    same = {"first_operator": operators[0], "second_operator": operators[0]}
    for wrong in (same, {"amount_cents": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Refund.objects.create(**{**facts, **wrong}, idempotency_key="a")
    Refund.objects.create(**facts, idempotency_key="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(**facts, idempotency_key="b")


@pytest.mark.parametrize("state", list(RefundState))
@pytest.mark.parametrize("to", list(RefundState))
def test_a_refund_moves_along_its_edges_only(order: Order, state: RefundState, to: RefundState) -> None:
    facts: Any = {"amount_cents": 1, "created_at": now(), "updated_at": now(), "idempotency_key": "k"}
    refund = Refund.objects.create(order=order, origin="operator", status=state, **facts)
    assert refund_move(refund, to, at=now()) is (to in REFUND_EDGES[state])
    refund.refresh_from_db()
    assert refund.status == (to if to in REFUND_EDGES[state] else state)


# the gateway says


def test_a_gateway_that_works_on_it_is_asked_until_it_is_done(
    stripe_server: StripeServer, order: Order, buyer: Any, operators: Any, clock: Any
) -> None:
    stripe_server.refunds_begin = "pending"
    refund = refunded(order, operators[0], 10_000)
    assert (refund.status, order.status, buckets(buyer)[:2]) == ("processing", "succeeded", (0, 0))
    assert refund_ask_due(at=now()) == 0
    stripe_server.refund_ends(refund.external_id, "succeeded")
    clock.advance(hours=1, minutes=1)
    assert refund_ask_due(at=now()) == 1
    order.refresh_from_db()
    assert (order.status, cny("cash:stripe")) == ("refunded", 0)


def test_a_lost_answer_is_looked_up_and_the_money_leaves_once(
    stripe_server: StripeServer, order: Order, operators: Any, clock: Any
) -> None:
    lose_next_refund_answer(stripe_server)
    refund = refunded(order, operators[0], 10_000)
    assert (refund.status, len(stripe_server.refunds)) == ("sending", 1)
    stripe_server.forget_keys()
    assert refund_ask_due(at=now()) == 0
    clock.advance(minutes=11)
    assert refund_ask_due(at=now()) == 1
    refund.refresh_from_db()
    assert (refund.status, len(stripe_server.refunds), cny("cash:stripe")) == ("succeeded", 1, 0)


def test_what_never_arrived_is_sent_again_under_its_own_number(
    stripe_server: StripeServer, order: Order, operators: Any, clock: Any
) -> None:
    stripe_server.turn_away_next = [500] * 3
    refund = refunded(order, operators[0], 10_000)
    assert (refund.status, len(stripe_server.refunds)) == ("sending", 0)
    stripe_server.turn_away_next = []
    clock.advance(minutes=11)
    assert refund_ask_due(at=now()) == 1
    (made,) = stripe_server.refunds.values()
    assert made["metadata"]["refund"] == str(refund.uuid)


def test_what_nobody_sent_is_sent_by_the_sweep(stripe_server: StripeServer, order: Order, operators: Any, clock: Any) -> None:
    facts: Any = {"operator": operators[0], "amount_cents": 500, "reason": "x", "idempotency_key": "k"}
    refund = refund_create(order_id=order.pk, at=now(), **facts)
    assert (refund.status, refund.sent_at) == ("sending", None)
    clock.advance(minutes=3)
    assert refund_ask_due(at=now()) == 1
    refund.refresh_from_db()
    assert refund.status == "succeeded"


def test_a_refund_that_never_ends_is_told_to_somebody(stripe_server: StripeServer, order: Order, operators: Any, clock: Any) -> None:
    stripe_server.turn_away_next = [500] * 100
    refunded(order, operators[0], 500)
    clock.advance(hours=25)
    assert refund_ask_due(at=now()) == 0
    assert "refund_stuck" in alarms()


def test_a_final_no_gives_the_credits_back(stripe_server: StripeServer, order: Order, buyer: Any, operators: Any) -> None:
    before = buckets(buyer)
    charge_of(stripe_server, order)["disputed"] = True
    refund = refunded(order, operators[0], 10_000)
    assert (refund.status, refund.failure) == ("failed", "Stripe did not accept the refund.")
    assert (order.status, order.taken_paid, order.taken_bonus, buckets(buyer)) == ("succeeded", 0, 0, before)
    assert (cny("cash:stripe"), kinds(buyer)[-1]) == (10_000, "refund.failed")


def test_a_question_that_is_refused_says_nothing_about_the_refund(
    stripe_server: StripeServer, order: Order, operators: Any, clock: Any
) -> None:
    lose_next_refund_answer(stripe_server)
    refund = refunded(order, operators[0], 10_000)
    clock.advance(minutes=11)
    stripe_server.turn_away_next = [400]
    assert refund_ask_due(at=now()) == 0
    refund.refresh_from_db()
    assert refund.status == "sending"


def test_a_refund_that_fails_after_success_is_undone(stripe_server: StripeServer, order: Order, buyer: Any, operators: Any) -> None:
    before = buckets(buyer)
    refund = refunded(order, operators[0], 10_000)
    deliver(*stripe_server.event("refund.failed", stripe_server.refund_ends(refund.external_id, "failed")))
    order.refresh_from_db()
    refund.refresh_from_db()
    assert (refund.status, refund.failure) == ("failed", "lost_or_stolen_card")
    assert (order.status, order.refunded_cents, order.taken_paid, buckets(buyer)) == ("succeeded", 0, 0, before)
    assert (cny("cash:stripe"), cny("refunds")) == (10_000, 0)
    assert (kinds(buyer).count("order.settled"), "refund_failed" in alarms()) == (1, True)
    again = refunded(order, operators[0], 10_000, key="again")
    assert (again.status, order.status) == ("succeeded", "refunded")


def test_one_of_two_fails_later_and_the_other_stands(stripe_server: StripeServer, order: Order, operators: Any) -> None:
    first = refunded(order, operators[0], 4_000, key="1")
    refunded(order, operators[0], 6_000, key="2")
    assert order.status == "refunded"
    deliver(*stripe_server.event("refund.failed", stripe_server.refund_ends(first.external_id, "failed")))
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, cny("cash:stripe")) == ("partial_refunded", 6_000, 4_000)


def test_late_words_change_nothing(stripe_server: StripeServer, order: Order, operators: Any) -> None:
    stripe_server.refunds_begin = "pending"
    refund = refunded(order, operators[0], 10_000)
    pending = dict(stripe_server.refunds[refund.external_id])
    done = stripe_server.refund_ends(refund.external_id, "succeeded")
    failed = stripe_server.refund_ends(refund.external_id, "failed")
    deliver(*stripe_server.event("refund.failed", failed))
    before = moved()
    for thing in (done, pending, done):
        deliver(*stripe_server.event("refund.updated", thing))
    assert moved() == before
    assert fates(kind="refund.updated") == ["superseded"] * 3


def test_a_notice_before_our_own_answer_returns_settles_it_once(stripe_server: StripeServer, order: Order, operators: Any) -> None:
    refund = refund_create(order_id=order.pk, operator=operators[0], amount_cents=10_000, reason="x", idempotency_key="k", at=now())
    made = stripe_server.act("POST", "/v1/refunds", {
        "payment_intent": order.charge_id, "amount": "10000", "metadata": {"order": str(order.uuid), "refund": str(refund.uuid)},
    })  # fmt: skip
    deliver(*stripe_server.event("charge.refunded", charge_of(stripe_server, order)))
    deliver(*stripe_server.event("refund.created", made))
    before = moved()
    assert refund_send(refund_id=refund.pk, at=now()).status == "succeeded"
    assert moved() == before
    assert (fates(kind="charge.refunded"), fates(kind="refund.created"), Refund.objects.count()) == (["superseded"], ["recorded"], 1)


# made at the gateway's own console


def test_a_refund_made_at_the_gateway_is_entered_once_whatever_tells_it(stripe_server: StripeServer, order: Order, buyer: Any) -> None:
    made = stripe_server.refund_at_console(order.charge_id, 4_000)
    for _ in range(2):
        deliver(*stripe_server.event("refund.created", made))
        deliver(*stripe_server.event("charge.refunded", charge_of(stripe_server, order)))
    refund = Refund.objects.get()
    order.refresh_from_db()
    assert (refund.origin, refund.status, refund.external_id) == ("gateway", "succeeded", made["id"])
    assert (order.status, order.refunded_cents, cny("cash:stripe")) == ("partial_refunded", 4_000, 6_000)
    assert wallet(buyer).paid == order.paid_credits - order.taken_paid == order.paid_credits * 6 // 10


def test_the_total_may_come_first_and_names_follow(stripe_server: StripeServer, order: Order, buyer: Any) -> None:
    one, two = (stripe_server.refund_at_console(order.charge_id, cents) for cents in (3_000, 2_000))
    deliver(*stripe_server.event("charge.refunded", charge_of(stripe_server, order)))
    order.refresh_from_db()
    assert (order.refunded_cents, Refund.objects.get().external_id) == (5_000, "")
    before = (buckets(buyer), cny("cash:stripe"))
    for made in (two, one, two):
        deliver(*stripe_server.event("refund.created", made))
    names = dict(Refund.objects.values_list("external_id", "amount_cents"))
    assert names == {one["id"]: 3_000, two["id"]: 2_000}
    assert (buckets(buyer), cny("cash:stripe")) == before
    deliver(*stripe_server.event("refund.failed", stripe_server.refund_ends(two["id"], "failed")))
    order.refresh_from_db()
    assert (order.refunded_cents, cny("cash:stripe"), "refund_failed" in alarms()) == (3_000, 7_000, True)
    assert wallet(buyer).paid == order.paid_credits - order.taken_paid == order.paid_credits * 7 // 10


def test_what_the_payer_has_spent_is_owed_after_a_refund_at_the_gateway(stripe_server: StripeServer, order: Order, buyer: Any) -> None:
    used(buyer, order.paid_credits + order.bonus_credits)
    deliver(*stripe_server.event("refund.created", stripe_server.refund_at_console(order.charge_id, 10_000)))
    assert buckets(buyer)[:3] == (0, 0, order.paid_credits)
    assert ("refund_shortfall" in alarms(), Refund.objects.get().is_beyond_unspent) == (True, True)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"amount_cents": 9_999}, "another amount"),
        ({"currency": "USD"}, "another currency"),
        ({"charge_id": "pi_other"}, "another charge"),
        ({"order_uuid": "other"}, "another order"),
    ],
)
def test_a_word_that_does_not_fit_is_refused_with_an_alarm(
    stripe_server: StripeServer, order: Order, user_factory: Any, operators: Any, wrong: dict[str, Any], reason: str
) -> None:
    stripe_server.refunds_begin = "pending"
    refund = refunded(order, operators[0], 10_000)
    if "order_uuid" in wrong:
        wrong = {"order_uuid": paid_order(stripe_server, user_factory()).uuid}
    right: Any = {
        "refund_uuid": refund.uuid,
        "order_uuid": order.uuid,
        "charge_id": order.charge_id,
        "amount_cents": 10_000,
        "currency": "CNY",
    }
    before = moved()
    verdict = refund_heard(RefundStanding(RefundOutcome.SUCCEEDED, **{**right, **wrong}), source="stripe", at=now())
    assert (verdict.fate, verdict.reason) == ("refused", reason)
    assert moved() == before
    assert alarms()


def test_other_channels_strangers_and_impossible_sums_move_nothing(order: Order, operators: Any) -> None:
    before = moved()
    word: Any = {"order_uuid": order.uuid, "external_id": "re_x", "currency": "CNY"}
    done = RefundOutcome.SUCCEEDED
    assert refund_heard(RefundStanding(done, amount_cents=1, **word), source="wechat", at=now()).reason == "another channel"
    assert refund_heard(RefundStanding(done, amount_cents=10_001, **word), source="stripe", at=now()).reason == "another amount"
    assert refund_heard(RefundStanding(done, amount_cents=0, **word), source="stripe", at=now()).reason == "another amount"
    assert refund_heard(RefundStanding(RefundOutcome.PROCESSING, amount_cents=1, **word), source="stripe", at=now()).fate == "ignored"
    assert refund_heard(RefundStanding(done, external_id="re_x", charge_id="pi_x"), source="stripe", at=now()).fate == "ignored"
    foreign: Any = {**word, "order_uuid": UUID(int=1)}
    assert refund_heard(RefundStanding(done, amount_cents=1, **foreign), source="stripe", at=now()).reason == "unknown order"
    assert moved() == before
    assert not Refund.objects.exists()


def test_a_refund_told_before_its_payment_waits_for_it(stripe_server: StripeServer, buy: Buy, buyer: Any, clock: Any) -> None:
    from payments.services.notice import notice_act_due

    order = buy(buyer)
    session = stripe_server.pay(order.external_id)
    Order.objects.filter(pk=order.pk).update(charge_id=session["payment_intent"])
    made = stripe_server.refund_at_console(session["payment_intent"], 10_000)
    assert deliver(*stripe_server.event("refund.created", made)).fate == "received"
    deliver(*stripe_server.event("checkout.session.completed", session))
    clock.advance(minutes=2)
    assert notice_act_due(at=now()) == 1
    order.refresh_from_db()
    assert (order.status, cny("cash:stripe"), buckets(buyer)[:3]) == ("refunded", 0, (0, 0, 0))


def test_a_refund_of_an_order_that_is_never_paid_is_refused_after_an_hour(
    stripe_server: StripeServer, buy: Buy, buyer: Any, clock: Any
) -> None:
    from payments.services.notice import notice_act_due

    order = buy(buyer)
    session = stripe_server.pay(order.external_id)
    Order.objects.filter(pk=order.pk).update(charge_id=session["payment_intent"])
    deliver(*stripe_server.event("refund.created", stripe_server.refund_at_console(session["payment_intent"], 10_000)))
    clock.advance(minutes=61)
    notice_act_due(at=now())
    assert (fates(kind="refund.created"), Refund.objects.count()) == (["refused"], 0)


# other currencies, second charges


def test_the_worth_of_parts_in_another_currency_sums_exactly(order: Order, operators: Any) -> None:
    Order.objects.filter(pk=order.pk).update(currency="USD", amount_cents=1_399)
    order.refresh_from_db()
    assert value_of(order, 1_399) == 10_000
    values = []
    for number, cents in enumerate((700, 300, 399)):
        values.append(value_of(order, cents))
        facts = {"amount_cents": cents, "value_cents": values[-1], "idempotency_key": str(number), "created_at": now(), "updated_at": now()}
        Refund.objects.create(order=order, origin="operator", status="succeeded", **facts)
    assert (sum(values), values[0]) == (10_000, 10_000 * 700 // 1_399)
    assert value_of(order, 1_399) == 10_000, "what leaves beyond the whole counts besides"


def test_a_second_charge_goes_back_whole_and_touches_nothing_else(stripe_server: StripeServer, order: Order, buyer: Any) -> None:
    second = dict(charge_of(stripe_server, order)) | {"id": "ch_second", "payment_intent": "pi_second"}
    stripe_server.charges["ch_second"] = second
    facts: Any = {"order_uuid": order.uuid, "amount_cents": 10_000, "currency": "CNY"}
    before = buckets(buyer)
    assert refund_duplicate(order_id=order.pk, standing=Standing(Outcome.PAID, charge_id=order.charge_id, **facts), at=now()) is None
    standing = Standing(Outcome.PAID, charge_id="pi_second", **facts)
    refund = refund_duplicate(order_id=order.pk, standing=standing, at=now())
    assert refund is not None
    assert refund_duplicate(order_id=order.pk, standing=standing, at=now()) == refund
    assert (cny("cash:stripe"), "paid_twice" in alarms()) == (20_000, True)
    assert refund_ask_due(at=now()) == 1
    order.refresh_from_db()
    refund.refresh_from_db()
    assert (refund.status, second["amount_refunded"], cny("cash:stripe")) == ("succeeded", 10_000, 10_000)
    assert (order.status, order.refunded_cents, buckets(buyer)) == ("succeeded", 0, before)
    assert refundable_of(order, now()).amount_cents == 10_000


def test_tips_are_no_longer_unspent(order: Order, buyer: Any, user_factory: Any) -> None:
    tipped(buyer, user_factory(), order.paid_credits)
    assert refundable_of(order, now()) == Refundable()
