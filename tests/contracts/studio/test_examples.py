"""Every example of document 003's `credit/*`, executed; every answer is held against the schema."""

from __future__ import annotations

import re
from typing import Any

import pytest

from payments.models import MembershipPeriod, Order
from tests.contracts.people import moved, paid_at_the_sandbox, path_of
from tests.contracts.studio.conftest import MakeSomebody

pytestmark = pytest.mark.django_db
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
RECHARGE = {"amount": 10.00, "payment_method": "alipay"}
BALANCE = "/api/v1/credit/balance"
ORDER_KEYS = {"order_id", "amount", "payment_method", "status", "created_at", "paid_at"}


def test_recharge_example_to_the_credits(somebody: MakeSomebody) -> None:
    someone = somebody()
    answer = someone.client.post("/api/v1/credit/recharge", RECHARGE)
    order = Order.objects.get()
    assert (answer.data["code"], answer.data["message"], set(answer.data)) == (200, "订单创建成功", {"code", "message", "data"})
    assert answer.data["data"] == {"order_id": order.number, "amount": 10.0, "credits": 100, "payment_url": order.payment_url}
    assert re.fullmatch(r"R\d{15,}", order.number)
    assert (order.channel, order.method) == ("alipay", "page")
    paid = someone.client.http.post(path_of(order.payment_url), {"outcome": "paid"}, content_type="application/json")
    assert paid.status_code in (200, 302)
    assert someone.client.get(BALANCE).data["data"] == {
        "credit_balance": 100, "is_member": False, "membership_type": None, "membership_end_date": None,
    }  # fmt: skip


def test_wechat_shows_its_code_on_a_page_of_ours_where_the_gateway_has_none(somebody: MakeSomebody) -> None:
    someone = somebody()
    someone.client.post("/api/v1/credit/recharge", {**RECHARGE, "payment_method": "wechat"}, Idempotency_Key="k")
    order = Order.objects.get()
    assert order.method == "native"
    from payments.api.studio.serializers import payment_url

    order.payment_url = ""
    assert payment_url(order).endswith(f"/pay/{order.uuid}/")


def test_any_coupon_is_40003_and_orders_nothing(somebody: MakeSomebody) -> None:
    someone = somebody()
    answer = someone.client.post("/api/v1/credit/recharge", {**RECHARGE, "coupon_code": "DISCOUNT10"})
    assert (answer.status_code, answer.data) == (400, {"code": 40003, "message": "优惠券无效", "data": None})
    assert not Order.objects.exists()


@pytest.mark.parametrize(("kind", "amount", "months"), [("monthly", 9.9, 1), ("quarterly", 25.0, 3), ("yearly", 99.0, 12)])
def test_membership_example_to_the_membership(somebody: MakeSomebody, kind: str, amount: float, months: int) -> None:
    someone = somebody()
    answer = someone.client.post("/api/v1/credit/membership", {"membership_type": kind, "payment_method": "wechat"})
    order = Order.objects.get()
    assert answer.data["message"] == "会员订单创建成功"
    assert answer.data["data"] == {
        "order_id": order.number, "membership_type": kind, "amount": amount, "payment_url": order.payment_url,
    }  # fmt: skip
    assert re.fullmatch(r"M\d{15,}", order.number)
    assert someone.client.get(BALANCE).data["data"]["is_member"] is False
    paid_at_the_sandbox(order)
    shown = someone.client.get(BALANCE).data["data"]
    assert (shown["credit_balance"], shown["is_member"], shown["membership_type"]) == (0, True, kind)
    assert re.fullmatch(TIME, shown["membership_end_date"])
    assert MembershipPeriod.objects.get().months == months


def test_membership_paid_by_balance_settles_at_once(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100, bonus=50)
    body = {"membership_type": "monthly", "payment_method": "balance"}
    data = someone.client.post("/api/v1/credit/membership", body).data["data"]
    assert (data["amount"], data["payment_url"], data["order_id"][0]) == (9.9, None, "M")
    assert (someone.wallet.paid, someone.wallet.bonus) == (1, 50)
    assert someone.client.get(BALANCE).data["data"]["is_member"] is True
    again = someone.client.post("/api/v1/credit/membership", body)
    assert (again.status_code, again.data["code"], again.data["message"]) == (400, 40001, "积分不足")


def test_gifts_pay_no_membership(somebody: MakeSomebody) -> None:
    someone = somebody(bonus=1000)
    answer = someone.client.post("/api/v1/credit/membership", {"membership_type": "monthly", "payment_method": "balance"})
    assert answer.data["code"] == 40001


def test_a_recharge_is_not_paid_by_balance(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    before = moved()
    answer = someone.client.post("/api/v1/credit/recharge", {**RECHARGE, "payment_method": "balance"})
    assert (answer.status_code, answer.data["code"], moved()) == (400, 400, before)


def test_transactions_example(somebody: MakeSomebody) -> None:
    someone = somebody(bonus=100)
    someone.client.post("/api/v1/credit/recharge", RECHARGE)
    paid_at_the_sandbox(Order.objects.get())
    data = someone.client.get("/api/v1/credit/transactions?page=1&page_size=20").data["data"]
    assert (data["total"], data["page"], data["page_size"], len(data["items"])) == (2, 1, 20, 2)
    row, gift = data["items"]
    assert re.fullmatch(TIME, row.pop("created_at"))
    assert isinstance(row.pop("id"), int)
    assert row == {"type": "recharge", "amount": 100, "balance_after": 200, "description": "充值10元"}
    assert (gift["type"], gift["amount"], gift["balance_after"]) == ("credit_gift", 100, 100)


def test_a_membership_by_balance_is_named_in_the_transactions(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    someone.client.post("/api/v1/credit/membership", {"membership_type": "monthly", "payment_method": "balance"})
    row = someone.client.get("/api/v1/credit/transactions").data["data"]["items"][0]
    assert (row["amount"], row["balance_after"], row["description"]) == (-99, 1, "购买：月度会员")


def test_orders_of_both_lists(somebody: MakeSomebody) -> None:
    someone = somebody(paid=200)
    someone.client.post("/api/v1/credit/recharge", RECHARGE)
    someone.client.post("/api/v1/credit/membership", {"membership_type": "yearly", "payment_method": "alipay"})
    someone.client.post("/api/v1/credit/membership", {"membership_type": "monthly", "payment_method": "balance"})
    recharges = someone.client.get("/api/v1/credit/recharge/orders?page=1&page_size=20").data["data"]
    newest = recharges["items"][0]
    assert (recharges["total"], set(newest)) == (2, {*ORDER_KEYS, "credits"})
    assert (newest["amount"], newest["credits"], newest["payment_method"], newest["status"], newest["paid_at"]) == (
        10.0, 100, "alipay", "pending", None,
    )  # fmt: skip
    assert re.fullmatch(TIME, newest["created_at"])
    bought, ordered = someone.client.get("/api/v1/credit/membership/orders").data["data"]["items"]
    assert set(bought) == {*ORDER_KEYS, "membership_type"}
    assert (bought["membership_type"], bought["payment_method"], bought["status"]) == ("monthly", "balance", "succeeded")
    assert re.fullmatch(TIME, bought["paid_at"])
    assert (ordered["membership_type"], ordered["status"]) == ("yearly", "pending")


def test_an_order_that_ended_without_money_is_failed(somebody: MakeSomebody) -> None:
    someone = somebody()
    someone.client.post("/api/v1/credit/recharge", RECHARGE)
    Order.objects.update(status="expired")
    assert someone.client.get("/api/v1/credit/recharge/orders").data["data"]["items"][0]["status"] == "failed"


def test_times_are_those_of_beijing(somebody: MakeSomebody) -> None:
    import datetime as dt

    someone = somebody()
    someone.client.post("/api/v1/credit/recharge", RECHARGE)
    Order.objects.update(created_at=dt.datetime(2026, 1, 22, 2, 0, tzinfo=dt.UTC))
    assert someone.client.get("/api/v1/credit/recharge/orders").data["data"]["items"][0]["created_at"] == "2026-01-22T10:00:00"


def test_the_same_key_is_the_same_order(somebody: MakeSomebody) -> None:
    someone = somebody()
    first = someone.client.post("/api/v1/credit/recharge", RECHARGE, Idempotency_Key="one")
    again = someone.client.post("/api/v1/credit/recharge", RECHARGE, Idempotency_Key="one")
    assert (again.content, again["Idempotent-Replayed"], Order.objects.count()) == (first.content, "true", 1)
    other = someone.client.post("/api/v1/credit/recharge", {**RECHARGE, "amount": 20}, Idempotency_Key="one")
    assert (other.status_code, other.data["code"]) == (409, 409)


def test_queries_are_limited_to_a_hundred_a_minute_and_others_to_sixty(somebody: MakeSomebody) -> None:
    someone = somebody()
    answers = [someone.client.get(BALANCE) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert (answers[0]["X-RateLimit-Limit"], answers[0]["X-RateLimit-Remaining"]) == ("100", "99")
    assert (answers[-1].data["code"], answers[-1]["X-RateLimit-Remaining"]) == (429, "0")
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    answers = [someone.client.post("/api/v1/credit/recharge", {}) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [400] * 60 + [429]
    assert answers[0]["X-RateLimit-Limit"] == "60"


def test_sign_in_shows_the_membership(somebody: MakeSomebody) -> None:
    someone = somebody(paid=1000)
    someone.client.post("/api/v1/credit/membership", {"membership_type": "quarterly", "payment_method": "balance"})
    token = someone.client.token
    me: Any = someone.client.http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).json()["data"]
    assert (me["is_member"], me["membership_type"], me["vipLevel"]) == (True, "quarterly", 2)
    assert me["membership_end_date"] == someone.client.get(BALANCE).data["data"]["membership_end_date"]
