"""The same refund, dispute or decision twenty times at once, with real commits: money and credits move once."""

from __future__ import annotations

import threading
from typing import Any

from credits.services.money import money_move
from credits.services.wallet import mature
from payments.gateways.base import Outcome, RefundOutcome, RefundStanding, Standing
from payments.models import Dispute, Order, Refund
from payments.services.refund import refund_ask_due, refund_create, refund_duplicate, refund_heard, refund_send
from payments.services.refund_settle import cash_of
from payments.services.refund_terms import value_of
from tests.payments.conftest import deliver, fates
from tests.payments.refunding import buckets, charge_of, cny, now, paid_order, tipped, used
from tests.payments.stripe_server import StripeServer
from tests.payments.test_races import AT_ONCE, at_once


def errors(results: list[Any]) -> list[Any]:
    """What was raised."""
    return [result for result in results if isinstance(result, Exception)]


def test_one_form_sent_twenty_times_is_one_refund(committed_db: Any, stripe_server: StripeServer, user_factory: Any) -> None:
    user, operator = user_factory(bonus=0), user_factory(is_staff=True)
    order = paid_order(stripe_server, user)

    def press(_: int) -> str:
        refund = refund_create(order_id=order.pk, operator=operator, amount_cents=10_000, reason="x", idempotency_key="k", at=now())
        return str(refund_send(refund_id=refund.pk, at=now()).status)

    results = at_once(press)
    assert errors(results) == []
    refund_ask_due(at=now())
    order.refresh_from_db()
    assert (Refund.objects.count(), len(stripe_server.refunds), order.status) == (1, 1, "refunded")
    assert (cny("cash:stripe"), buckets(user)[:3]) == (0, (0, 0, 0))


def test_twenty_different_refunds_at_once_leave_one(committed_db: Any, stripe_server: StripeServer, user_factory: Any) -> None:
    user, operator = user_factory(bonus=0), user_factory(is_staff=True)
    order = paid_order(stripe_server, user)

    def ask(number: int) -> Refund:
        facts: Any = {"amount_cents": 10_000, "reason": "x", "idempotency_key": str(number)}
        return refund_create(order_id=order.pk, operator=operator, at=now(), **facts)

    results = at_once(ask)
    assert {type(error).__name__ for error in errors(results)} == {"RefundOpen"}
    assert (len(errors(results)), Refund.objects.count()) == (AT_ONCE - 1, 1)


def test_twenty_notices_of_a_refund_made_elsewhere_take_it_back_once(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any
) -> None:
    user = user_factory(bonus=0)
    order = paid_order(stripe_server, user)
    made = stripe_server.refund_at_console(order.charge_id, 4_000)
    charge = dict(charge_of(stripe_server, order))
    notices = [
        stripe_server.event("charge.refunded", charge) if n % 2 else stripe_server.event("refund.created", made) for n in range(AT_ONCE)
    ]
    results = at_once(lambda number: deliver(*notices[number]))
    assert errors(results) == []
    assert (sorted(set(fates(source="stripe", kind="refund.created"))), Refund.objects.count()) in (
        (["recorded", "superseded"], 1),
        (["superseded"], 1),
    )
    assert (cny("cash:stripe"), buckets(user)[:3]) == (6_000, (600, 60, 0))


def test_without_the_orders_lock_the_same_race_books_it_twice(committed_db: Any, stripe_server: StripeServer, user_factory: Any) -> None:
    user, all_have_looked = user_factory(bonus=0), threading.Barrier(8)
    order = paid_order(stripe_server, user)

    def naive(number: int) -> None:
        """What one writes at first: look whether it is known, then book."""
        found = Order.objects.get(pk=order.pk)
        all_have_looked.wait(30)
        if found.refunded_cents:
            return
        facts: Any = {"channel": cash_of(found), "amount_cents": -value_of(found, 500), "account": "refunds"}
        money_move(user_id=user.pk, key=f"naive:{number}", ref="refund:naive", at=now(), **facts)
        Order.objects.filter(pk=order.pk).update(refunded_cents=500)

    at_once(naive, 8)
    assert cny("cash:stripe") == 10_000 - 8 * 500


def test_success_and_failure_at_once_end_in_failure_with_everything_back(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any
) -> None:
    user, operator = user_factory(bonus=0), user_factory(is_staff=True)
    order = paid_order(stripe_server, user)
    before = buckets(user)
    stripe_server.refunds_begin = "pending"
    refund = refund_create(order_id=order.pk, operator=operator, amount_cents=10_000, reason="x", idempotency_key="k", at=now())
    refund = refund_send(refund_id=refund.pk, at=now())
    done = stripe_server.refund_ends(refund.external_id, "succeeded")
    failed = stripe_server.refund_ends(refund.external_id, "failed")
    at_once(lambda n: deliver(*stripe_server.event("refund.failed", failed) if n % 2 else stripe_server.event("refund.updated", done)), 10)
    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.status, order.status, order.refunded_cents, order.taken_paid) == ("failed", "succeeded", 0, 0)
    assert (buckets(user), cny("cash:stripe")) == (before, 10_000)


def test_a_refund_against_spending_at_once_never_goes_below_zero(committed_db: Any, stripe_server: StripeServer, user_factory: Any) -> None:
    user, operator = user_factory(bonus=0), user_factory(is_staff=True)
    order = paid_order(stripe_server, user)

    def work(number: int) -> Any:
        if number:
            return used(user, 100, key=f"use{number}")
        return refund_create(order_id=order.pk, operator=operator, amount_cents=10_000, reason="x", idempotency_key="k", at=now())

    at_once(work, 12)
    refund = Refund.objects.get()
    order.refresh_from_db()
    assert refund.status in ("sending", "waiting")
    assert order.taken_paid == (1_000 if refund.status == "sending" else 0)
    assert min(buckets(user)[:3]) == 0


def test_twenty_notices_of_one_dispute_and_its_end_do_each_step_once(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any
) -> None:
    payer, creators = user_factory(bonus=0), [user_factory(bonus=0) for _ in range(3)]
    order = paid_order(stripe_server, payer)
    for number, creator in enumerate(creators):
        tipped(payer, creator, 300, key=f"tip{number}")
    before = [buckets(user) for user in (payer, *creators)]
    opened = stripe_server.dispute(charge_of(stripe_server, order)["id"])
    results = at_once(lambda n: deliver(*stripe_server.event("charge.dispute.created", opened, number=f"evt_o{n}")))
    assert errors(results) == []
    assert (cny("cash:stripe"), buckets(payer)[3], Dispute.objects.count()) == (0, 1, 1)
    won = stripe_server.dispute_moves(opened["id"], "won")
    results = at_once(lambda n: deliver(*stripe_server.event("charge.dispute.closed", won, number=f"evt_w{n}")))
    assert errors(results) == []
    assert [buckets(user) for user in (payer, *creators)] == before
    assert (cny("cash:stripe"), Dispute.objects.get().status) == (10_000, "won")


def test_a_dispute_while_tips_fly_both_ways_ends_with_balanced_books(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any
) -> None:
    creator, payer = user_factory(bonus=0), user_factory(bonus=0)
    paid_order(stripe_server, creator)
    order = paid_order(stripe_server, payer)
    opened = stripe_server.dispute(charge_of(stripe_server, order)["id"])

    def work(number: int) -> Any:
        if number == 0:
            return deliver(*stripe_server.event("charge.dispute.created", opened))
        there, back = (payer, creator) if number % 2 else (creator, payer)
        return tipped(there, back, 50, key=f"tip{number}")

    results = at_once(work, 12)
    assert {type(error).__name__ for error in errors(results)} <= {"WalletFrozen", "DatabaseUnavailable"}
    deliver(*stripe_server.event("charge.dispute.updated", opened))
    assert (Dispute.objects.get().status, buckets(payer)[3]) == ("open", 1)
    while mature(at=now()):
        pass


def test_twenty_words_about_a_second_charge_send_it_back_once(committed_db: Any, stripe_server: StripeServer, user_factory: Any) -> None:
    order = paid_order(stripe_server, user_factory(bonus=0))
    facts: Any = {"order_uuid": order.uuid, "charge_id": "pi_second", "amount_cents": 10_000, "currency": "CNY"}
    results = at_once(lambda _: refund_duplicate(order_id=order.pk, standing=Standing(Outcome.PAID, **facts), at=now()))
    assert errors(results) == []
    assert (Refund.objects.count(), cny("cash:stripe")) == (1, 20_000)
    refund = Refund.objects.get()
    facts |= {"refund_uuid": refund.uuid, "external_id": "re_second"}
    word = RefundStanding(RefundOutcome.SUCCEEDED, **facts)
    results = at_once(lambda _: refund_heard(word, source="stripe", at=now()))
    assert sorted(result.fate for result in results) == ["recorded"] + ["superseded"] * (AT_ONCE - 1)
    assert cny("cash:stripe") == 10_000
