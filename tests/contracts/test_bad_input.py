"""Whatever a client sends to `studio` or `skyriff`, the answer is the contract's error and nothing moves."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.models import Order, Product, Withdrawal
from tests.conftest import UserFactory
from tests.contracts.people import Somebody, matured, moved, signed_in, tipped

pytestmark = pytest.mark.django_db
PAYEE = {"account": "user@example.com", "name": "张三"}
WITHDRAW, PAY, RECHARGE = "/v1/withdrawals/create", "/v1/payments/create", "/api/v1/credit/recharge"
GOOD: dict[str, dict[str, Any]] = {
    WITHDRAW: {"amount_cny": 150.0, "method": "alipay", "account_info": PAYEE},
    PAY: {"product_id": 1, "pay_channel": "wechat"},
    "/v1/subscriptions/buy": {"product_id": 1, "pay_channel": "wechat"},
    RECHARGE: {"amount": 10.0, "payment_method": "alipay"},
    "/api/v1/credit/membership": {"membership_type": "monthly", "payment_method": "wechat"},
}
WRONG: list[Any] = [None, True, [], {}, [[]], {"a": 1}, "", "x", "\x00", "x" * 10_000, -1, 0, 7.5, 10**18, 2**70, -(2**70), "10", "NaN"]
BROKEN = [
    b"{", b"[]", b'"text"', b"nul", b"\xff\xfe", b'{"amount": NaN}', b'{"amount_cny": Infinity}', b'{"amount": 1e999}',
    b'{"amount_cny": -1e999}', b'{"amount": "\\ud800"}', b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
]  # fmt: skip


def contract_of(path: str) -> str:
    return "skyriff" if path.startswith("/v1/") else "studio"


@pytest.fixture
def people(user_factory: UserFactory, settings: Any) -> dict[str, Somebody]:
    """Somebody with credits and coins, as each contract's client."""
    settings.DEMO, settings.RATE_LIMITS = True, False
    payer, user = user_factory(paid=10_000, bonus=0), user_factory(paid=200, bonus=0)
    tipped(payer, user, 10_000)
    matured()
    return {contract: signed_in(user, contract) for contract in ("skyriff", "studio")}


def refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.data)
    assert set(answer.data) == {"code", "message", "data"}
    assert answer.data["code"] not in (0, 200)


@pytest.mark.parametrize("path", sorted(GOOD))
def test_every_field_refuses_what_is_not_of_its_type(people: dict[str, Somebody], path: str) -> None:
    before = moved()
    for field in GOOD[path]:
        for value in WRONG:
            if not (field == "amount" and value in (7.5,)):
                refused(people[contract_of(path)].client.post(path, {**GOOD[path], field: value}))
        refused(people[contract_of(path)].client.post(path, {name: value for name, value in GOOD[path].items() if name != field}))
    assert moved() == before


@pytest.mark.parametrize("path", sorted(GOOD))
@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_broken_bodies(people: dict[str, Somebody], path: str, raw: bytes) -> None:
    before = moved()
    for headers in ({}, {"Idempotency_Key": "k"}):
        refused(people[contract_of(path)].client.call("POST", path, raw=raw, **headers))
    assert moved() == before


@pytest.mark.parametrize("path", sorted(GOOD))
@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k"}], ids=["plain", "keyed"])
def test_an_oversized_body_is_413(people: dict[str, Somebody], path: str, headers: dict[str, str]) -> None:
    answer = people[contract_of(path)].client.call("POST", path, raw=b'{"a":"' + b"x" * 3_000_000 + b'"}', **headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (150.001, 2006), (0, 2006), (-150, 2006), (99.99, 2006), (50_000.01, 2006), (1e300, 2006), (2**70, 2006), (1e-9, 2006),
        ("150", 2400), (True, 2400), (None, 2400), ([150], 2400),
    ],
)  # fmt: skip
def test_amounts_that_cannot_be_withdrawn(people: dict[str, Somebody], amount: Any, code: int) -> None:
    before = moved()
    answer = people["skyriff"].client.post(WITHDRAW, {**GOOD[WITHDRAW], "amount_cny": amount})
    assert (answer.status_code, answer.data["code"]) == (400, code)
    assert moved() == before
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize(
    ("method", "account", "field"),
    [
        ("alipay", {}, "account_info.account"),
        ("alipay", {"account": "user@example.com"}, "account_info.name"),
        ("alipay", {"account": "no address", "name": "张三"}, "account_info.account"),
        ("bank_card", {"account": "1", "name": "张三", "bank": "x"}, "account_info.account"),
        ("wechat", {"name": "张三"}, "account_info.openid"),
        ("alipay", {"account": 1, "name": "张三"}, "account_info.account"),
        ("alipay", {"account": {"a": "b"}, "name": "张三"}, "account_info.account"),
        ("cash", PAYEE, "method"),
    ],
)
def test_payees_that_cannot_be_paid(people: dict[str, Somebody], method: str, account: Any, field: str) -> None:
    before = moved()
    answer = people["skyriff"].client.post(WITHDRAW, {"amount_cny": 150, "method": method, "account_info": account})
    assert (answer.status_code, answer.data["code"]) == (400, 2400)
    assert answer.data["data"]["errors"][0]["field"] == field
    assert moved() == before


@pytest.mark.parametrize("amount", [0, -10, 0.99, 1.05, 10.001, 50_000.1, 1e300, 2**70, 1e-9])
def test_amounts_that_cannot_be_recharged(people: dict[str, Somebody], amount: Any) -> None:
    before = moved()
    answer = people["studio"].client.post(RECHARGE, {"amount": amount, "payment_method": "alipay"})
    assert (answer.status_code, answer.data["code"]) == (400, 400)
    assert moved() == before


@pytest.mark.parametrize(("amount", "cents", "credits"), [(1, 100, 10), (1.1, 110, 11), (9.9, 990, 99), (50_000, 5_000_000, 500_000)])
def test_amounts_that_can(people: dict[str, Somebody], amount: float, cents: int, credits: int) -> None:
    data = people["studio"].client.post(RECHARGE, {"amount": amount, "payment_method": "alipay"}).data["data"]
    order = Order.objects.latest("pk")
    assert (order.amount_cents, data["amount"], data["credits"]) == (cents, amount, credits)


def test_a_client_never_names_what_it_gets(people: dict[str, Somebody]) -> None:
    answer = people["studio"].client.post(RECHARGE, {**GOOD[RECHARGE], "credits": 1_000_000, "amount_cents": 1, "currency": "USD"})
    assert answer.data["data"]["credits"] == 100
    body = {
        "product_id": Product.objects.get(slug="credits-6").number,
        "pay_channel": "wechat",
        "amount_cny": 0.01,
        "credits_amount": 10**6,
    }
    assert people["skyriff"].client.post(PAY, body).data["data"]["amount_cny"] == 6.0


def test_products_of_another_contract_or_off_sale_are_unknown(people: dict[str, Somebody]) -> None:
    before = moved()
    Product.objects.filter(slug="credits-6").update(is_active=False)
    on_sale = {2, 10}
    for number in {product.number for product in Product.objects.all()} - on_sale | {
        product.pk + 1000 for product in Product.objects.all()
    }:
        answer = people["skyriff"].client.post(PAY, {"product_id": number, "pay_channel": "wechat"})
        assert (answer.status_code, answer.data["code"]) == (404, 2000)
    assert moved() == before


@pytest.mark.parametrize("path", [WITHDRAW, PAY, RECHARGE])
@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
def test_bad_idempotency_keys(people: dict[str, Somebody], path: str, key: str) -> None:
    before = moved()
    answer = people[contract_of(path)].client.post(path, GOOD[path], Idempotency_Key=key)
    refused(answer)
    assert answer.data["data"]["errors"][0]["field"] == "Idempotency-Key"
    assert moved() == before


@pytest.mark.parametrize("path", ["/v1/wallet/ledgers", "/v1/withdrawals/me"])
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1e1",
        "limit=９",
        "limit=-1",
        "limit=",
        "cursor=abc",
        "cursor=MTA:x:y",
        "cursor=%00",
        "cursor=10",
    ],
)
def test_bad_pages_of_skyriff_are_2400(people: dict[str, Somebody], path: str, query: str) -> None:
    answer = people["skyriff"].client.get(f"{path}?{query}")
    assert (answer.status_code, answer.data["code"]) == (400, 2400)
    assert answer.data["data"]["errors"][0]["field"] == query.partition("=")[0]


def test_a_cursor_of_another_list_or_user_is_2400(people: dict[str, Somebody], user_factory: UserFactory) -> None:
    for _ in range(2):
        people["skyriff"].client.post(WITHDRAW, {**GOOD[WITHDRAW], "amount_cny": 100})
    cursor = people["skyriff"].client.get("/v1/withdrawals/me?limit=1").data["data"]["next_cursor"]
    assert people["skyriff"].client.get(f"/v1/withdrawals/me?limit=1&cursor={cursor}").status_code == 200
    assert people["skyriff"].client.get(f"/v1/wallet/ledgers?cursor={cursor}").data["code"] == 2400
    stranger = signed_in(user_factory(), "skyriff")
    assert stranger.client.get(f"/v1/withdrawals/me?cursor={cursor}").data["code"] == 2400


@pytest.mark.parametrize("path", ["/api/v1/credit/transactions", "/api/v1/credit/recharge/orders", "/api/v1/credit/membership/orders"])
@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page_size=101", "page_size=0", "page=1e3", "page=９", "page=99999999999"]
)
def test_bad_pages_of_studio_are_400(people: dict[str, Somebody], path: str, query: str) -> None:
    answer = people["studio"].client.get(f"{path}?{query}")
    assert (answer.status_code, answer.data["code"]) == (400, 400)
    assert answer.data["data"]["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", [PAY, RECHARGE])
def test_outside_demo_mode_an_unconfigured_channel_is_the_contracts_503(people: dict[str, Somebody], settings: Any, path: str) -> None:
    settings.DEMO = False
    settings.WECHATPAY_MCHID = settings.ALIPAY_APP_ID = ""
    before = moved()
    body = {"product_id": Product.objects.get(slug="credits-6").number, "pay_channel": "wechat"} if path == PAY else GOOD[RECHARGE]
    answer = people[contract_of(path)].client.post(path, body)
    assert (answer.status_code, answer.data["code"]) == (503, 4002 if path == PAY else 503)
    assert answer["Retry-After"]
    assert moved() == before


@pytest.mark.parametrize("contract", ["skyriff", "studio"])
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer " + "x" * 5000, "Bearer eyJhbGciOiJub25lIn0.e30."]
)
def test_bad_tokens_are_401(people: dict[str, Somebody], contract: str, header: str) -> None:
    path = {"skyriff": "/v1/me/wallets", "studio": "/api/v1/credit/balance"}[contract]
    answer = people[contract].client.get(path, Authorization=header)
    assert (answer.status_code, answer.data["code"]) == (401, {"skyriff": 1001, "studio": 401}[contract])
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_unforeseen_exception_is_5001_and_tells_nothing(people: dict[str, Somebody], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("credits.api.skyriff.wallet.balance_of", broken)
    answer = people["skyriff"].client.get("/v1/me/wallets")
    assert (answer.status_code, answer.data) == (500, {"code": 5001, "message": "系统错误", "data": None})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=80)
@given(path=st.sampled_from(sorted(GOOD)), field=st.integers(0, 2), value=JSON)
def test_no_500_from_anything(people: dict[str, Somebody], path: str, field: int, value: Any) -> None:
    names = list(GOOD[path])
    try:
        raw = orjson.dumps({**GOOD[path], names[field % len(names)]: value})
    except (TypeError, orjson.JSONEncodeError):
        return
    assert people[contract_of(path)].client.call("POST", path, raw=raw).status_code < 500
