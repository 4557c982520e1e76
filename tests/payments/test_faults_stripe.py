"""Stripe × every fault: through the real adapter, the server next door, and the inbox's door over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

import config.urls  # noqa: F401  the paths are laid when this is first imported: in demo mode, not when a test has left it
from config.kernel import clock as kernel_clock
from payments.models import Alarm, Notice, Order, Refund
from payments.services.expiry import order_ask, order_expire_due
from payments.services.notice import notice_act_due
from tests.payments.conftest import Buy, credits_of, fates, moved
from tests.payments.faults import FAULTS, told
from tests.payments.stripe_server import StripeServer
from tests.payments.test_races import at_once

DOOR = "/api/payments/webhook/stripe"
PAID = "checkout.session.completed"
Case = tuple[Any, Order, dict[str, Any]]


@pytest.fixture
def paid(db: None, stripe_server: StripeServer, user_factory: Any, buy: Buy) -> Case:
    """A buyer, an order, and its session, paid at Stripe and not heard of."""
    return _paid(stripe_server, user_factory, buy)


def _paid(server: StripeServer, user_factory: Any, buy: Buy) -> Case:
    user = user_factory(bonus=0)
    order = buy(user)
    return user, order, server.pay(order.external_id)


def knock(notice: tuple[bytes, dict[str, str]]) -> int:
    """The notice comes through the door; the status it is answered with."""
    body, headers = notice
    kind = headers.get("content-type", "application/json")
    sent = {name: value for name, value in headers.items() if name != "content-type"}
    try:
        return int(Client().post(DOOR, body, content_type=kind, headers=sent).status_code)
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def refused(case: Case, notice: tuple[bytes, dict[str, str]]) -> str:
    """The notice moves nothing, and the same order is still paid by the true one: the fate it got, and the reason."""
    before = moved()
    status = knock(notice)
    assert moved() == before
    kept = Notice.objects.get()
    return f"answered {status}, kept as {kept.fate} ({kept.reason}); nothing moved"


def settled(server: StripeServer, case: Case) -> None:
    """The true notice of the same payment brings the credits, once."""
    assert knock(server.event(PAID, case[2])) == 200
    assert credits_of(case[0]) == 1_100


def test_every_fault_has_its_test() -> None:
    assert {name.removeprefix("test_") for name in globals() if name.startswith("test_")} >= set(FAULTS)


def test_wrong_signature(stripe_server: StripeServer, paid: Case) -> None:
    seen = refused(paid, stripe_server.event(PAID, paid[2], secret="whsec_of_somebody_else"))
    assert seen.startswith("answered 400, kept as unproven (The signature does not match.)")
    assert Alarm.objects.exists()
    settled(stripe_server, paid)
    told("stripe", "wrong_signature", f"{seen}; an alarm; the true notice then paid 1,100 credits")


def test_stale_timestamp(stripe_server: StripeServer, paid: Case) -> None:
    seen = refused(paid, stripe_server.event(PAID, paid[2], age_s=301))
    assert seen.startswith("answered 400, kept as unproven (The signature is too old.)")
    assert not Alarm.objects.exists()
    settled(stripe_server, paid)
    told("stripe", "stale_timestamp", f"301 s old: {seen}; the fresh notice then paid 1,100 credits")


def test_replay(stripe_server: StripeServer, paid: Case) -> None:
    notice = stripe_server.event(PAID, paid[2])
    assert [knock(notice) for _ in range(5)] == [200] * 5
    before = moved()
    assert knock(stripe_server.event("checkout.session.async_payment_succeeded", paid[2])) == 200
    assert (moved(), credits_of(paid[0])) == (before, 1_100)
    assert list(Notice.objects.order_by("pk").values_list("fate", "deliveries")) == [("fulfilled", 5), ("superseded", 1)]
    told("stripe", "replay", "five deliveries: one row counted 5, credited 1,100 once; a twin event is superseded")


def _genuine_but_other(server: StripeServer, case: Case, reason: str, **change: Any) -> str:
    seen = refused(case, server.event(PAID, {**case[2], **change}))
    assert seen == f"answered 200, kept as refused ({reason}); nothing moved"
    assert Alarm.objects.exists()
    settled(server, case)
    return f"{seen}; an alarm; the true notice then paid 1,100 credits"


def test_wrong_amount(stripe_server: StripeServer, paid: Case) -> None:
    told("stripe", "wrong_amount", _genuine_but_other(stripe_server, paid, "another amount", amount_total=1))


def test_wrong_currency(stripe_server: StripeServer, paid: Case) -> None:
    told("stripe", "wrong_currency", _genuine_but_other(stripe_server, paid, "another currency", currency="jpy"))


def test_wrong_order(stripe_server: StripeServer, paid: Case) -> None:
    told("stripe", "wrong_order", _genuine_but_other(stripe_server, paid, "unknown order", client_reference_id=str(uuid4())))


def test_wrong_order_of_another_buyer(stripe_server: StripeServer, paid: Case, user_factory: Any, buy: Buy) -> None:
    mine = buy(user_factory(bonus=0))
    seen = refused(paid, stripe_server.event(PAID, {**paid[2], "client_reference_id": str(mine.uuid)}))
    assert seen == "answered 200, kept as refused (another checkout); nothing moved"


@pytest.mark.parametrize("sign", [{"account": "acct_of_somebody_else"}, {"livemode": True}], ids=["account", "mode"])
def test_wrong_merchant(stripe_server: StripeServer, paid: Case, sign: dict[str, Any]) -> None:
    seen = refused(paid, stripe_server.event(PAID, paid[2], **sign))
    assert seen.startswith("answered 400, kept as unproven")
    assert Alarm.objects.exists()
    settled(stripe_server, paid)
    told("stripe", "wrong_merchant", f"{next(iter(sign))} not ours: {seen}; an alarm; the true notice then paid 1,100 credits")


def test_out_of_order(stripe_server: StripeServer, paid: Case, clock: Any) -> None:
    user, order, session = paid
    charge = stripe_server.charges[f"ch_{order.external_id[8:]}"]
    refund = stripe_server.refund_at_console(charge["payment_intent"], 10_000)
    expired = {**session, "status": "expired", "payment_status": "unpaid"}
    for kind, thing in (("charge.refunded", charge), ("checkout.session.expired", expired), (PAID, session)):
        assert knock(stripe_server.event(kind, thing)) == 200
    assert (fates(), credits_of(user)) == (["received", "recorded", "fulfilled"], 1_100)
    clock.advance(minutes=2)
    assert notice_act_due(at=kernel_clock.now()) == 1
    assert knock(stripe_server.event("refund.created", refund)) == 200
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, credits_of(user), Refund.objects.count()) == ("refunded", 10_000, 0, 1)
    told(
        "stripe",
        "out_of_order",
        "refund, expiry, payment, refund again: paid once, the early refund waited and was done once, no credits left",
    )


def test_lost(stripe_server: StripeServer, paid: Case, clock: Any) -> None:
    user, order, _ = paid
    clock.advance(minutes=4)
    assert order_ask(order=order, at=kernel_clock.now()) == "succeeded"
    assert (credits_of(user), fates()) == (1_100, [])
    clock.advance(hours=25)
    order_expire_due(at=kernel_clock.now())
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)
    told("stripe", "lost", "no notice ever came: asking the session after 4 minutes paid 1,100 credits")


def test_duplicated_20_at_once(committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user, order, session = _paid(stripe_server, user_factory, buy)
    notice = stripe_server.event(PAID, session)
    assert at_once(lambda _: knock(notice)) == [200] * 20
    assert (credits_of(user), Notice.objects.get().deliveries, fates()) == (1_100, 20, ["fulfilled"])
    at_once(lambda number: knock(stripe_server.event(PAID, session, number=f"evt_{number}")))
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)
    told("stripe", "duplicated_20_at_once", "20 deliveries and 20 twins at once, all answered 200: credited 1,100 once")


def test_before_our_own_answer(committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    seen: list[int] = []

    def pay_at_once(session: dict[str, Any]) -> None:
        paid = session | {"status": "complete", "payment_status": "paid", "payment_intent": "pi_fast"}
        _aside(lambda: seen.append(knock(stripe_server.event(PAID, paid))))

    stripe_server.before_answer = pay_at_once
    order = buy(user)
    assert (seen, order.status, order.charge_id, bool(order.payment_url)) == ([200], "succeeded", "pi_fast", True)
    assert credits_of(user) == 1_100
    told("stripe", "before_our_own_answer", "the notice came while the session was being made: paid, and our answer kept it so")


def _aside(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
