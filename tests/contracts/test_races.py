"""Fifty at once: one key is one order, one wallet pays for what it holds, one day is claimed once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from payments.models import MembershipPeriod, Order, Product, Withdrawal
from tests.conftest import UserFactory
from tests.contracts.people import Somebody, matured, paid_at_the_sandbox, signed_in, tipped

AT_ONCE, THREADS = 50, 20


def at_once(work: Callable[[], Any]) -> list[Any]:
    """Fifty times `work()` in twenty threads, each with a connection of its own."""

    def run(_: int) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(AT_ONCE)))


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO, settings.RATE_LIMITS = True, False


def answers_of(somebody: Somebody, path: str, body: Any, **headers: str) -> list[Any]:
    return at_once(lambda: somebody.client.post(path, body, **headers))


def test_fifty_recharges_under_one_key_are_one_order(committed_db: Any, user_factory: UserFactory) -> None:
    someone = signed_in(user_factory(), "studio")
    answers = answers_of(someone, "/api/v1/credit/recharge", {"amount": 10, "payment_method": "alipay"}, Idempotency_Key="one")
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert all(answer["Retry-After"] for answer in answers if answer.status_code == 409)
    assert len({answer.data["data"]["order_id"] for answer in answers if answer.status_code == 200}) == 1
    assert Order.objects.count() == 1


def test_fifty_payments_under_one_key_are_one_order(committed_db: Any, user_factory: UserFactory) -> None:
    someone = signed_in(user_factory(), "skyriff")
    body = {"product_id": Product.objects.get(slug="credits-30").number, "pay_channel": "wechat"}
    answers = answers_of(someone, "/v1/payments/create", body, Idempotency_Key="one")
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.data["data"]["payment_id"] for answer in answers if answer.status_code == 200}) == 1
    assert Order.objects.count() == 1


def test_fifty_memberships_by_balance_with_credits_for_three_are_three(committed_db: Any, user_factory: UserFactory) -> None:
    someone = signed_in(user_factory(paid=3 * 99, bonus=0), "studio")
    body = {"membership_type": "monthly", "payment_method": "balance"}
    codes = [answer.data["code"] for answer in answers_of(someone, "/api/v1/credit/membership", body)]
    assert (codes.count(200), codes.count(40001)) == (3, 47)
    assert (MembershipPeriod.objects.count(), someone.wallet.paid) == (3, 0)


def test_fifty_withdrawals_with_coins_for_two_are_two(committed_db: Any, user_factory: UserFactory) -> None:
    payer, someone = user_factory(paid=4500, bonus=0), signed_in(user_factory(bonus=0), "skyriff")
    tipped(payer, someone.user, 4500)
    matured()
    body = {"amount_cny": 100, "method": "alipay", "account_info": {"account": "user@example.com", "name": "张三"}}
    codes = [answer.data["code"] for answer in answers_of(someone, "/v1/withdrawals/create", body)]
    assert (codes.count(0), codes.count(2005)) == (2, 48)
    assert (Withdrawal.objects.count(), someone.wallet.coins, someone.wallet.coins_leaving) == (2, 5_000, 400_000)


def test_fifty_claims_are_one(committed_db: Any, user_factory: UserFactory) -> None:
    someone = signed_in(user_factory(bonus=0), "skyriff")
    body = {"product_id": Product.objects.get(slug="monthly-card").number, "pay_channel": "wechat"}
    paid_at_the_sandbox(Order.objects.get(pk=someone.client.post("/v1/subscriptions/buy", body).data["data"]["payment_id"]))
    codes = [answer.data["code"] for answer in answers_of(someone, "/v1/subscriptions/claim_daily", None)]
    assert (codes.count(0), codes.count(2003), someone.wallet.bonus) == (1, 49, 30)
