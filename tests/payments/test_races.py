"""The same money told twenty times at once: shown to double without the guard, and not to with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from config.kernel import clock as kernel_clock
from config.kernel.sql import fetch_one
from payments.models import Notice, Order
from payments.services.expiry import order_expire_due
from payments.services.fulfil import SETTLE, settle_arguments
from payments.services.reconcile import order_ask_due
from payments.services.sandbox import sandbox_pay
from payments.states import OrderState
from tests.payments.conftest import Buy, credits_of, deliver, fates
from tests.payments.stripe_server import StripeServer

AT_ONCE = 20
CREATE, WECHAT = "/api/payments/stripe/create", "/api/payments/wechat/create"


def at_once(work: Callable[[int], Any], times: int = AT_ONCE) -> list[Any]:
    """`work(0…)` in as many threads, started together; what each returned or raised."""
    gate = threading.Barrier(times)

    def run(number: int) -> Any:
        try:
            gate.wait(30)
            return work(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_twenty_deliveries_of_one_notice_credit_once(committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    notice = stripe_server.event("checkout.session.completed", stripe_server.pay(order.external_id))
    receipts = at_once(lambda _: deliver(*notice))
    assert [receipt.fate for receipt in receipts] == ["fulfilled"] * AT_ONCE
    assert (credits_of(user), Notice.objects.get().deliveries) == (1_100, AT_ONCE)


def test_twenty_different_notices_of_one_payment_credit_once(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy
) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    session = stripe_server.pay(order.external_id)
    at_once(lambda number: deliver(*stripe_server.event("checkout.session.completed", session, number=f"evt_{number}")))
    assert sorted(fates()) == ["fulfilled"] + ["superseded"] * (AT_ONCE - 1)
    assert credits_of(user) == 1_100


def test_without_the_lock_and_the_orders_key_the_same_race_doubles_the_money(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy
) -> None:
    user, all_have_looked = user_factory(bonus=0), threading.Barrier(AT_ONCE)
    order = buy(user)

    def naive(number: int) -> None:
        """What one writes at first: look, then pay."""
        is_pending = Order.objects.get(pk=order.pk).status == OrderState.PENDING
        all_have_looked.wait(30)
        if not is_pending:
            return
        key, *rest = settle_arguments(order, kernel_clock.now())[1:]
        fetch_one(SETTLE, (user.pk, f"{key}:{number}", *rest))
        Order.objects.filter(pk=order.pk).update(status=OrderState.SUCCEEDED, paid_at=kernel_clock.now())

    at_once(naive)
    assert credits_of(user) == AT_ONCE * 1_100


def test_money_and_expiry_at_once_end_paid(committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    clock.advance(hours=25)
    notice = stripe_server.event("checkout.session.completed", stripe_server.pay(order.external_id))
    at_once(lambda number: deliver(*notice) if number % 2 else order_expire_due(at=kernel_clock.now()), 8)
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_runs_at_once_ask_about_an_order_once(
    committed_db: Any, stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any
) -> None:
    user = user_factory(bonus=0)
    stripe_server.pay(buy(user).external_id)
    clock.advance(minutes=4)
    before = len(stripe_server.requests)
    changed = at_once(lambda _: order_ask_due(at=kernel_clock.now()), 8)
    assert (sorted(changed), len(stripe_server.requests) - before) == ([0] * 7 + [1], 1)
    assert credits_of(user) == 1_100


def test_twenty_presses_of_pay_credit_once(committed_db: Any, demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    results = at_once(lambda _: sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now()))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert credits_of(user) == 1_100


def test_twenty_orders_under_one_key_are_one_order(committed_db: Any, demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory()
    orders = at_once(lambda _: buy(user, idempotency_key="k").pk)
    assert len(set(orders)) == Order.objects.filter(user=user).count() == 1


def test_a_notice_may_come_before_our_own_answer_returns(
    stripe_server: StripeServer, user_factory: Any, committed_db: Any, buy: Buy
) -> None:
    user = user_factory(bonus=0)
    seen: list[str] = []

    def pay_at_once(session: dict[str, Any]) -> None:
        paid = session | {"status": "complete", "payment_status": "paid", "payment_intent": "pi_fast"}
        thread = threading.Thread(target=lambda: seen.append(_deliver_and_leave(*stripe_server.event("checkout.session.completed", paid))))
        thread.start()
        thread.join()

    stripe_server.before_answer = pay_at_once
    order = buy(user)
    assert seen == ["fulfilled"]
    assert (order.status, order.charge_id, order.payment_url != "") == ("succeeded", "pi_fast", True)
    assert credits_of(user) == 1_100


def _deliver_and_leave(body: bytes, headers: dict[str, str]) -> str:
    try:
        return str(deliver(body, headers).fate)
    finally:
        connection.close()


def test_the_same_idempotency_key_gives_the_same_order(committed_db: Any, demo: None, api: Any, user_factory: Any) -> None:
    client = api(user_factory())
    first = client.post(CREATE, {"package": "trial"}, headers={"Idempotency-Key": "k"})
    again = client.post(CREATE, {"package": "trial"}, headers={"Idempotency-Key": "k"})
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
    assert client.post(CREATE, {"package": "value"}, headers={"Idempotency-Key": "k"}).status == 409
    assert client.post(WECHAT, {"package": "trial"}, headers={"Idempotency-Key": "k"}).status == 409
    assert Order.objects.count() == 1
