"""Lists of `studio` and `skyriff`: complete, in order, the owner's only, and as cheap on their last page as on the first."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.services.session import session_open
from config.kernel import clock as kernel_clock
from credits.models import Transaction
from credits.selectors.statement import ledger_page_numbered
from credits.selectors.wallet import ledger_page
from payments.models import Order
from tests.conftest import UserFactory
from tests.contracts.client import ContractClient
from tests.contracts.people import matured, signed_in, tipped

pytestmark = pytest.mark.django_db
MANY = """
INSERT INTO payments_order (uuid, user_id, contract, kind, channel, method, payer_id, is_sandbox, status, title, amount_cents, currency,
  value_cents, paid_credits, bonus_credits, bonus_source, external_id, charge_id, payment_url, code_url, pay_params, return_url,
  idempotency_key, input_hash, failure, refunded_cents, taken_paid, taken_bonus, created_at, updated_at, expires_at)
SELECT gen_random_uuid(), %s, 'studio', 'credit_pack', 'alipay', 'page', '', true, 'expired', 'x', 1000, 'CNY', 1000, 100, 0, 'sales',
  '', '', '', '', '{}', '', 'many-' || n, '\\x00', '', 0, 0, 0, now(), now(), now()
FROM generate_series(1, %s) n
"""


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO, settings.RATE_LIMITS = True, False


def orders_many(user_id: int, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, [user_id, count])
        cursor.execute("ANALYZE payments_order")


def fastest_s(*works: Callable[[], Any]) -> list[float]:
    """The shortest of ten runs of each; they take turns, so that a busy moment of the machine meets them all."""

    def once(work: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return [min(turns) for turns in zip(*([once(work) for work in works] for _ in range(10)), strict=True)]


def test_pages_by_number_are_complete_and_in_order(user_factory: UserFactory) -> None:
    payer, payee = user_factory(paid=300, bonus=20), user_factory(bonus=0)
    for amount in range(1, 16):
        tipped(payer, payee, amount)
    pages = [ledger_page_numbered(payer.pk, page=number, page_size=4) for number in range(1, 7)]
    assert {page.total for page in pages} == {17}
    assert [len(page.rows) for page in pages] == [4, 4, 4, 4, 1, 0]
    found = [row.transaction_id for page in pages for row in page.rows]
    assert found == [row.transaction_id for row in ledger_page(payer.pk, limit=100, units=("credits",))]
    assert len(set(found)) == 17


def test_a_transaction_of_both_units_is_counted_once_in_each(user_factory: UserFactory) -> None:
    payer, payee = user_factory(paid=10, bonus=20, proven=[("phone", "+8613800138001")]), user_factory(bonus=0)
    tipped(payer, payee, 20)
    matured()
    assert Transaction.objects.filter(user_id=payer.pk, kind="tip").count() == 1
    assert ledger_page_numbered(payee.pk, page=1, page_size=20).total == len(ledger_page(payee.pk, units=("credits",)))
    assert ledger_page_numbered(payer.pk, page=1, page_size=20).total == len(ledger_page(payer.pk, units=("credits",)))


def test_orders_of_others_are_in_no_list(user_factory: UserFactory) -> None:
    owner, stranger = user_factory(), signed_in(user_factory(bonus=0), "studio")
    orders_many(owner.pk, 3)
    for path in ("recharge/orders", "membership/orders", "transactions"):
        assert stranger.client.get(f"/api/v1/credit/{path}").data["data"] == {"total": 0, "page": 1, "page_size": 20, "items": []}


@pytest.mark.parametrize(
    ("contract", "path", "most"),
    [
        ("studio", "/api/v1/credit/transactions", 5),
        ("studio", "/api/v1/credit/recharge/orders", 3),
        ("skyriff", "/v1/wallet/ledgers", 4),
        ("skyriff", "/v1/withdrawals/me", 2),
        ("skyriff", "/v1/me/wallets", 3),
        ("skyriff", "/v1/subscriptions/me", 2),
        ("studio", "/api/v1/credit/balance", 3),
    ],
)
def test_reads_take_a_bounded_number_of_statements(
    user_factory: UserFactory, django_assert_max_num_queries: Any, contract: str, path: str, most: int
) -> None:
    user, payee = user_factory(paid=100, bonus=0), user_factory(bonus=0)
    for amount in range(1, 6):
        tipped(user, payee, amount)
    orders_many(user.pk, 30)
    token = session_open(user=user, form="body", access_life_s=600, refresh_life_s=600).access_token
    client = ContractClient(contract, token)
    with django_assert_max_num_queries(most):
        assert client.get(path).status_code == 200


def test_the_list_of_orders_is_flat(user_factory: UserFactory) -> None:
    user = user_factory(bonus=0)
    someone = signed_in(user, "studio")
    orders_many(user.pk, 30_000)

    def page(number: int) -> Any:
        return someone.client.get(f"/api/v1/credit/recharge/orders?page={number}").data["data"]

    assert (page(1)["total"], page(1000)["total"], len(page(1500)["items"]), page(1501)["items"]) == (10_000, 20_000, 20, [])
    seen = [row["order_id"] for number in (499, 500, 501) for row in page(number)["items"]]
    assert seen == sorted(set(seen), reverse=True)
    first, deep = fastest_s(lambda: page(1), lambda: page(1000))
    assert deep < 4 * first + 0.02
    assert Order.objects.filter(user=user).count() == 30_000


def test_a_thousand_requests_a_minute_are_too_many(user_factory: UserFactory, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS = True
    monkeypatch.setattr("config.contracts.skyriff.views.READS_A_MINUTE", 5)
    someone = signed_in(user_factory(), "skyriff")
    answers = [someone.client.get("/v1/me/wallets") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].data == {"code": 2429, "message": "请求过于频繁", "data": None}
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60


def test_an_expired_token_is_1002(user_factory: UserFactory) -> None:
    before = kernel_clock.real_now() - dt.timedelta(minutes=10)
    token = session_open(user=user_factory(), form="body", access_life_s=60, refresh_life_s=6000, at=before).access_token
    answer = ContractClient("skyriff", token).get("/v1/me/wallets")
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == (401, 1002, "Token已过期")
