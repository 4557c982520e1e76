"""The WeChat Pay gateway against a server that is faithful to its protocol, through the real adapter."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.checks import run_checks
from django.test import Client

from config.kernel import clock as kernel_clock
from config.kernel.errors import NotConfigured
from payments.gateways.base import (
    CheckoutRequest,
    OrderRef,
    Outcome,
    PayoutOutcome,
    PayoutRequest,
    PayoutStanding,
    RawNotice,
    RefundOutcome,
    RefundRequest,
    RefundStanding,
    Rejected,
    Standing,
    StatementLine,
    Temporary,
    Unknown,
    Unproven,
)
from payments.gateways.wechat import WechatGateway
from payments.gateways.wechat.bills import lines_of
from payments.gateways.wechat.config import WechatConfig, faults
from payments.gateways.wechat.fields import plain
from payments.gateways.wechat.signing import pay_params
from tests.payments.wechat_server import BAD_ANSWERS, Signed, WechatServer, certificate, key, pem

YESTERDAY = (dt.datetime.now(kernel_clock.SHANGHAI) - dt.timedelta(days=2)).date()


@pytest.fixture(params=["public_key", "certificate"])
def both(request: pytest.FixtureRequest, production: None, settings: Any) -> Iterator[WechatServer]:
    """WeChat Pay next door under each kind of serial number."""
    yield from _next_door(WechatServer(serial_kind=request.param), settings)


@pytest.fixture
def wechat(production: None, settings: Any) -> Iterator[WechatServer]:
    """WeChat Pay next door, and a platform that is configured for it."""
    yield from _next_door(WechatServer(), settings)


def _next_door(server: WechatServer, settings: Any) -> Iterator[WechatServer]:
    server.tell(settings)
    yield server
    server.close()


def asked(method: str = "native", **other: Any) -> CheckoutRequest:
    """An order of 100.00 CNY."""
    now = kernel_clock.now()
    request = CheckoutRequest(
        uuid.uuid4(), "wechat", method, "1,100 credits", 10_000, "CNY", "https://shop.example/", now, now + dt.timedelta(hours=2)
    )
    known = {"jsapi": {"payer_id": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "h5": {"payer_address": "203.0.113.7"}}
    return replace(request, **{**known.get(method, {}), **other})


def paid_order(server: WechatServer) -> CheckoutRequest:
    """An order whose money came."""
    request = asked()
    WechatGateway.configured().create(request)
    server.pay(request.order_uuid.hex)
    return request


def reference(request: CheckoutRequest) -> OrderRef:
    return OrderRef(request.order_uuid, request.order_uuid.hex)


def refund_of(request: CheckoutRequest, amount_cents: int = 4_000, **other: Any) -> RefundRequest:
    wanted = RefundRequest(uuid.uuid4(), request.order_uuid, "", "", amount_cents, request.amount_cents, "CNY", "asked by the buyer")
    return replace(wanted, **other)


def payout(amount_cents: int = 50_000, **account: str) -> PayoutRequest:
    payee = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "name": "张三"} | account
    return PayoutRequest(uuid.uuid4(), amount_cents, payee, "Creator coins", kernel_clock.now())


def verified(signed: Signed) -> Any:
    return WechatGateway.configured().verify(RawNotice(*signed)).subject


def holds(server: WechatServer, text: str, signature: str) -> None:
    """The merchant's key signed `text`; raises InvalidSignature otherwise."""
    server.merchant.public_key().verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


# orders


@pytest.mark.parametrize("method", ["native", "jsapi", "h5", "app"])
def test_an_order_says_what_is_bought_and_where_to_tell_of_it(both: WechatServer, method: str) -> None:
    request = asked(method)
    checkout = WechatGateway.configured().create(request)
    said = both.orders[request.order_uuid.hex]["asked"]
    assert checkout.external_id == said["out_trade_no"] == request.order_uuid.hex
    assert said["amount"] == {"total": 10_000, "currency": "CNY"}
    assert (said["description"], said["attach"]) == ("1,100 credits", str(request.order_uuid))
    assert said["notify_url"] == "https://shop.example/api/payments/webhook/wechat"
    assert dt.datetime.fromisoformat(said["time_expire"]) == request.expires_at.replace(microsecond=0)
    assert said["time_expire"].endswith("+08:00")
    assert said.get("payer") == ({"openid": request.payer_id} if method == "jsapi" else None)
    assert said.get("scene_info") == ({"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}} if method == "h5" else None)


def test_each_way_leads_the_payer_somewhere_else(wechat: WechatServer) -> None:
    gateway = WechatGateway.configured()
    native, h5 = gateway.create(asked()), gateway.create(asked("h5"))
    app, jsapi = gateway.create(asked("app")), gateway.create(asked("jsapi"))
    assert (native.code_url[:27], native.payment_url, native.pay_params) == ("weixin://wxpay/bizpayurl?pr", "", {})
    assert (h5.payment_url[:22], h5.code_url) == ("https://wx.tenpay.com/", "")
    assert list(app.pay_params) == ["app_id", "partner_id", "prepay_id", "package", "noncestr", "timestamp", "sign"]
    assert list(jsapi.pay_params) == ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]
    assert app.pay_params["prepay_id"] in wechat.orders[app.external_id]["prepay"]


def test_an_app_signs_the_bare_prepay_id_and_a_page_the_package(wechat: WechatServer) -> None:
    config = WechatConfig.from_settings()
    app = pay_params(config, method="app", prepay_id="wx1")
    assert (app["app_id"], app["partner_id"], app["package"]) == (wechat.appid, wechat.mchid, "Sign=WXPay")
    holds(wechat, f"{wechat.appid}\n{app['timestamp']}\n{app['noncestr']}\nwx1\n", app["sign"])
    page = pay_params(config, method="jsapi", prepay_id="wx1")
    assert (page["appId"], page["package"], page["signType"]) == (wechat.appid, "prepay_id=wx1", "RSA")
    holds(wechat, f"{wechat.appid}\n{page['timeStamp']}\n{page['nonceStr']}\nprepay_id=wx1\n", page["paySign"])
    with pytest.raises(ValueError):
        pay_params(config, method="native", prepay_id="wx1")


def test_the_same_order_may_be_asked_for_again_but_not_with_another_amount(wechat: WechatServer) -> None:
    request = asked("app")
    gateway = WechatGateway.configured()
    first, second = gateway.create(request), gateway.create(request)
    assert (first.external_id, first.pay_params["prepay_id"] != second.pay_params["prepay_id"]) == (second.external_id, True)
    with pytest.raises(Rejected):
        gateway.create(replace(request, amount_cents=1))
    assert wechat.orders[request.order_uuid.hex]["asked"]["amount"]["total"] == 10_000


@pytest.mark.parametrize(
    ("method", "other"),
    [
        ("native", {"currency": "USD"}),
        ("native", {"amount_cents": 0}),
        ("checkout", {}),
        ("jsapi", {"payer_id": ""}),
        ("h5", {"payer_address": ""}),
    ],
)
def test_what_this_channel_cannot_sell_never_leaves_the_house(wechat: WechatServer, method: str, other: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        WechatGateway.configured().create(asked(method, **other))
    assert wechat.requests == []


@pytest.mark.parametrize(
    ("title", "shown"),
    [("短" * 60, "短" * 42), ("a`b\n\x00c", "abc"), ("  x ", "x"), ("x" * 126 + "é", "x" * 126), ("x" * 200, "x" * 127)],
)
def test_titles_are_cut_between_letters(title: str, shown: str) -> None:
    assert plain(title, 127) == shown


def test_a_title_of_nothing_is_the_orders_number(wechat: WechatServer) -> None:
    request = asked(title="``")
    WechatGateway.configured().create(request)
    assert wechat.orders[request.order_uuid.hex]["asked"]["description"] == request.order_uuid.hex


def test_an_order_is_asked_about_by_our_number_all_its_life(both: WechatServer) -> None:
    gateway, request = WechatGateway.configured(), asked()
    assert gateway.query(reference(request)) == Standing(Outcome.NONE, request.order_uuid)
    gateway.create(request)
    assert gateway.query(reference(request)) == Standing(Outcome.OPEN, request.order_uuid, currency="CNY")
    transaction = both.pay(request.order_uuid.hex)["transaction_id"]
    paid = Standing(Outcome.PAID, request.order_uuid, "", transaction, 10_000, "CNY")
    assert gateway.query(OrderRef(request.order_uuid, "")) == paid
    gateway.refund(refund_of(request))
    assert both.orders[request.order_uuid.hex]["state"] == "REFUND"
    assert gateway.query(reference(request)) == paid


def test_a_closed_order_takes_no_money(both: WechatServer) -> None:
    gateway, request = WechatGateway.configured(), asked()
    gateway.create(request)
    assert gateway.close(reference(request)) == Standing(Outcome.CANCELLED, request.order_uuid)
    assert both.orders[request.order_uuid.hex]["state"] == "CLOSED"
    assert gateway.close(reference(request)).outcome == Outcome.CANCELLED
    with pytest.raises(Rejected):
        gateway.create(request)


def test_closing_after_the_money_says_that_it_came(wechat: WechatServer) -> None:
    request = paid_order(wechat)
    standing = WechatGateway.configured().close(reference(request))
    assert (standing.outcome, standing.amount_cents, standing.order_uuid) == (Outcome.PAID, 10_000, request.order_uuid)


def test_closing_what_nobody_knows_says_so(wechat: WechatServer) -> None:
    assert WechatGateway.configured().close(reference(asked())).outcome == Outcome.NONE


# answers that are lost, spoilt or in doubt


def test_an_order_whose_answer_was_lost_is_there_when_it_is_asked_for_again(wechat: WechatServer) -> None:
    gateway, request = WechatGateway.configured(), asked()
    wechat.plans = ["lost"]
    with pytest.raises(Unknown):
        gateway.create(request)
    assert gateway.query(OrderRef(request.order_uuid, "")).outcome == Outcome.OPEN
    assert gateway.create(request).code_url


@pytest.mark.parametrize("plan", ["lost", "lost_before", "system_error", "system_error_done", "page", *sorted(BAD_ANSWERS)])
def test_an_answer_that_cannot_be_believed_says_nothing(both: WechatServer, plan: str) -> None:
    gateway, request = WechatGateway.configured(), asked()
    both.plans = [plan, plan]
    with pytest.raises(Unknown):
        gateway.create(request)
    with pytest.raises(Unknown):
        gateway.query(reference(request))
    assert gateway.create(request).code_url


@pytest.mark.parametrize("plan", ["signtest", "forged", "stale"])
def test_a_no_that_cannot_be_believed_is_no_refusal(wechat: WechatServer, plan: str) -> None:
    gateway, request = WechatGateway.configured(), asked()
    gateway.create(request)
    wechat.plans = [plan]
    with pytest.raises(Unknown):
        gateway.create(replace(request, amount_cents=1))


def test_too_often_is_not_yet(wechat: WechatServer) -> None:
    wechat.plans = ["busy"]
    with pytest.raises(Temporary) as caught:
        WechatGateway.configured().create(asked())
    assert type(caught.value) is Temporary
    assert wechat.orders == {}


def test_nobody_at_home_is_not_yet(wechat: WechatServer, settings: Any) -> None:
    settings.WECHATPAY_BASE = "http://127.0.0.1:1"
    with pytest.raises(Temporary) as caught:
        WechatGateway.configured().create(asked())
    assert type(caught.value) is Temporary


def test_a_wrong_key_of_ours_is_no_refusal(wechat: WechatServer, settings: Any) -> None:
    settings.WECHATPAY_PRIVATE_KEY = pem(key("stranger"))
    with pytest.raises(Temporary) as caught:
        WechatGateway.configured().create(asked())
    assert (type(caught.value), wechat.orders) == (Temporary, {})


def test_a_refused_question_says_nothing_of_the_money(wechat: WechatServer) -> None:
    request = paid_order(wechat)
    wechat.plans = ["code:NO_AUTH"]
    with pytest.raises(Temporary):
        WechatGateway.configured().query(reference(request))


def test_an_unsigned_no_does_not_mean_that_nothing_is_there(wechat: WechatServer) -> None:
    wechat.plans = ["unsigned"]
    with pytest.raises(Temporary):
        WechatGateway.configured().payout_query(payout())


def test_an_answer_about_another_merchant_or_number_is_no_answer(wechat: WechatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    request = paid_order(wechat)
    gateway = WechatGateway.configured()
    told = wechat.transaction(request.order_uuid.hex)
    for lie in ({"mchid": "1900000000"}, {"appid": "wx9999999999999999"}, {"trade_state": "STRANGE"}, {"amount": {"total": 1.5}}):
        monkeypatch.setattr(wechat, "transaction", lambda _number, lie=lie: told | lie)
        with pytest.raises(Unknown):
            gateway.query(reference(request))
    wanted = refund_of(request)
    gateway.refund(wanted)
    monkeypatch.setattr(wechat, "_query_refund", lambda _number: (200, wechat.refund_said(wanted.refund_uuid.hex)))
    with pytest.raises(Unknown):
        gateway.refund_query(refund_of(request))


def test_codes_are_logged_and_nothing_else(wechat: WechatServer, caplog: pytest.LogCaptureFixture) -> None:
    request = asked("jsapi", payer_id="oSecretOpenid0000000000000000")
    wechat.plans = ["code:PARAM_ERROR"]
    with caplog.at_level(logging.DEBUG), pytest.raises(Rejected) as caught:
        WechatGateway.configured().create(request)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("payments")]
    assert len(ours) == 1
    assert ours[0].startswith("WeChat Pay: /v3/pay/transactions/jsapi 400 PARAM_ERROR (")
    assert not any("oSecretOpenid" in record.getMessage() for record in caplog.records)
    assert "PARAM_ERROR" not in str(caught.value)


# refunds


def test_a_refund_is_made_once_and_asked_about(both: WechatServer) -> None:
    request = paid_order(both)
    gateway, wanted = WechatGateway.configured(), refund_of(request)
    assert gateway.refund_query(wanted).outcome == RefundOutcome.NONE
    first = gateway.refund(wanted)
    assert first == gateway.refund(wanted) == gateway.refund_query(wanted)
    charge = both.orders[request.order_uuid.hex]["transaction_id"]
    refund = both.refunds[wanted.refund_uuid.hex]
    number = (wanted.refund_uuid, request.order_uuid, refund["id"], charge)
    assert first == RefundStanding(RefundOutcome.PROCESSING, *number, 4_000, "CNY")
    assert refund["asked"]["notify_url"] == "https://shop.example/api/payments/webhook/wechat"
    both.refund_ends(wanted.refund_uuid.hex)
    assert gateway.refund_query(wanted).outcome == RefundOutcome.SUCCEEDED


@pytest.mark.parametrize(
    ("state", "outcome", "says"),
    [
        ("SUCCESS", RefundOutcome.SUCCEEDED, ""),
        ("CLOSED", RefundOutcome.FAILED, "closed"),
        ("ABNORMAL", RefundOutcome.PROCESSING, "console"),
    ],
)
def test_a_refunds_end_is_told_as_it_is_asked(wechat: WechatServer, state: str, outcome: RefundOutcome, says: str) -> None:
    request = paid_order(wechat)
    gateway, wanted = WechatGateway.configured(), refund_of(request)
    gateway.refund(wanted)
    told = verified(wechat.refund_ends(wanted.refund_uuid.hex, state))
    assert told == gateway.refund_query(wanted)
    assert (told.outcome, told.refund_uuid, told.amount_cents, told.currency) == (outcome, wanted.refund_uuid, 4_000, "CNY")
    assert says in told.text
    assert bool(told.text) == bool(says)


def test_more_than_was_paid_is_never_refunded(wechat: WechatServer) -> None:
    request = paid_order(wechat)
    gateway = WechatGateway.configured()
    gateway.refund(refund_of(request, 6_001))
    with pytest.raises(Rejected):
        gateway.refund(refund_of(request, 4_000))
    assert len(wechat.refunds) == 1


def test_a_refund_whose_answer_was_lost_is_not_made_twice(wechat: WechatServer) -> None:
    request = paid_order(wechat)
    gateway, wanted = WechatGateway.configured(), refund_of(request)
    wechat.plans = ["lost", "system_error_done"]
    for _ in range(2):
        with pytest.raises(Unknown):
            gateway.refund(wanted)
    assert gateway.refund(wanted).outcome == RefundOutcome.PROCESSING
    assert len(wechat.refunds) == 1


def test_a_no_after_a_lost_yes_is_not_believed(wechat: WechatServer) -> None:
    request = paid_order(wechat)
    gateway, wanted = WechatGateway.configured(), refund_of(request)
    wechat.plans = ["lost", "code:INVALID_REQUEST"]
    with pytest.raises(Unknown):
        gateway.refund(wanted)
    assert gateway.refund(wanted).outcome == RefundOutcome.PROCESSING
    wechat.plans = ["code:INVALID_REQUEST", "system_error"]
    with pytest.raises(Unknown):
        gateway.refund(wanted)
    wechat.plans = ["code:NOT_ENOUGH"]
    with pytest.raises(Rejected, match="balance"):
        gateway.refund(refund_of(request))


# transfers


def test_a_payout_waits_for_the_payee_and_arrives(both: WechatServer) -> None:
    gateway, wanted = WechatGateway.configured(), payout()
    number = wanted.payout_uuid.hex
    assert gateway.payout_query(wanted).outcome == PayoutOutcome.NONE
    first = gateway.payout(wanted)
    confirm = {"mchId": both.mchid, "appId": both.appid, "package": f"pkg{number}=="}
    assert first == PayoutStanding(PayoutOutcome.CONFIRMING, wanted.payout_uuid, both.transfers[number]["id"], 50_000, confirm)
    assert gateway.payout(wanted) == first
    assert gateway.payout_query(wanted) == first
    assert both.transfers[number]["asked"]["user_name"] == "张三"
    told = verified(both.transfer_ends(number))
    assert told == gateway.payout_query(wanted)
    assert (told.outcome, told.payout_uuid, told.amount_cents) == (PayoutOutcome.PAID, wanted.payout_uuid, 50_000)


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        ("FAIL", "OVERDUE_CLOSE", "in time"),
        ("FAIL", "NAME_NOT_CORRECT", "name"),
        ("FAIL", "TRANSFER_RISK", "TRANSFER_RISK"),
        ("FAIL", "<b>x</b>", "cancelled"),
        ("CANCELLED", "", "cancelled"),
    ],
)
def test_a_payout_that_is_over_says_why(wechat: WechatServer, state: str, reason: str, says: str) -> None:
    gateway, wanted = WechatGateway.configured(), payout()
    gateway.payout(wanted)
    told = verified(wechat.transfer_ends(wanted.payout_uuid.hex, state, reason))
    assert told == gateway.payout_query(wanted)
    assert gateway.payout(wanted).outcome == PayoutOutcome.REFUSED
    assert (told.outcome, says in told.text, "<" in told.text) == (PayoutOutcome.REFUSED, True, False)


@pytest.mark.parametrize("state", ["ACCEPTED", "PROCESSING", "TRANSFERING", "CANCELING"])
def test_a_payout_on_its_way_is_neither_paid_nor_refused(wechat: WechatServer, state: str) -> None:
    gateway, wanted = WechatGateway.configured(), payout()
    gateway.payout(wanted)
    wechat.transfers[wanted.payout_uuid.hex]["state"] = state
    assert gateway.payout_query(wanted).outcome == PayoutOutcome.PROCESSING


@pytest.mark.parametrize("plan", ["lost", "system_error_done", "signtest"])
def test_a_payout_whose_answer_was_lost_is_found_and_never_doubled(wechat: WechatServer, plan: str) -> None:
    gateway, wanted = WechatGateway.configured(), payout()
    wechat.plans = [plan]
    with pytest.raises(Unknown):
        gateway.payout(wanted)
    assert gateway.payout_query(wanted).confirm_params["package"]
    wechat.plans = ["", "lost"]
    without = gateway.payout_query(wanted)
    assert (without.outcome, without.confirm_params) == (PayoutOutcome.CONFIRMING, {})
    assert len(wechat.transfers) == 1


def test_a_payout_is_refused_for_good_only_when_nobody_knows_of_it(wechat: WechatServer) -> None:
    gateway, wanted = WechatGateway.configured(), payout()
    wechat.balance = 1
    with pytest.raises(Rejected, match="balance"):
        gateway.payout(wanted)
    assert [path for _, path, _ in wechat.requests][-1].endswith(wanted.payout_uuid.hex)
    wechat.balance = 10**9
    gateway.payout(wanted)
    wechat.plans = ["code:ALREADY_EXISTS"]
    assert gateway.payout(wanted).outcome == PayoutOutcome.CONFIRMING
    wechat.plans = ["code:INVALID_REQUEST", "lost"]
    with pytest.raises(Unknown):
        gateway.payout(wanted)


@pytest.mark.parametrize(("amount_cents", "account"), [(50_000, {"openid": ""}), (200_000, {"name": ""})])
def test_a_payout_without_its_payee_never_leaves_the_house(wechat: WechatServer, amount_cents: int, account: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        WechatGateway.configured().payout(payout(amount_cents, **account))
    assert wechat.requests == []


def test_the_smallest_transfers_carry_no_name(wechat: WechatServer) -> None:
    wanted = payout(29)
    WechatGateway.configured().payout(wanted)
    assert wechat.transfers[wanted.payout_uuid.hex]["asked"]["user_name"] == ""
    assert b"user_name" not in wechat.requests[-1][2]


# bills


def test_a_days_bill_tells_payments_and_refunds(both: WechatServer) -> None:
    gateway = WechatGateway.configured()
    assert gateway.statement(YESTERDAY) == []
    request = asked(title="100 credits, and more, `now`")
    gateway.create(request)
    transaction = both.pay(request.order_uuid.hex)["transaction_id"]
    wanted, closed = refund_of(request, 4_001), refund_of(request, 100)
    gateway.refund(wanted)
    gateway.refund(closed)
    both.refund_ends(wanted.refund_uuid.hex)
    both.refund_ends(closed.refund_uuid.hex, "CLOSED")
    both.orders["shop-of-somebody-1"] = both.orders[request.order_uuid.hex] | {
        "asked": both.orders[request.order_uuid.hex]["asked"] | {"out_trade_no": "shop-of-somebody-1"}
    }
    assert gateway.statement(YESTERDAY) == [
        StatementLine("payment", request.order_uuid.hex, transaction, 10_000, "CNY"),
        StatementLine("payment", "", transaction, 10_000, "CNY"),
        StatementLine("refund", wanted.refund_uuid.hex, both.refunds[wanted.refund_uuid.hex]["id"], 4_001, "CNY"),
    ]


def test_a_bill_that_is_not_ready_is_asked_for_later(wechat: WechatServer) -> None:
    gateway = WechatGateway.configured()
    with pytest.raises(Temporary):
        gateway.statement(kernel_clock.day_of(kernel_clock.real_now()))
    assert wechat.requests == []
    wechat.bill_is_ready = False
    with pytest.raises(Temporary):
        gateway.statement(YESTERDAY)


@pytest.mark.parametrize("spoilt", [b"", b"something else"])
def test_a_bill_that_is_not_the_promised_one_says_nothing(wechat: WechatServer, monkeypatch: pytest.MonkeyPatch, spoilt: bytes) -> None:
    paid_order(wechat)
    make = wechat._bill

    def bill(query: dict[str, str]) -> tuple[int, Any]:
        answer = make(query)
        wechat.bills = dict.fromkeys(wechat.bills, spoilt)
        return answer

    monkeypatch.setattr(wechat, "_bill", bill)
    with pytest.raises(Unknown):
        WechatGateway.configured().statement(YESTERDAY)


@pytest.mark.parametrize(
    "row",
    ["`SUCCESS", "`SUCCESS,`a,`b,`1.001,`CNY", "`SUCCESS,`a,`b,`-1,`CNY", "`SUCCESS,`a,`b,`much,`CNY", "`SUCCESS,`a,`b,`1,`CNY,`more"],
)
def test_a_bill_of_another_form_says_nothing(row: str) -> None:
    heading = "交易状态,商户订单号,微信订单号,订单金额,货币种类"
    assert list(lines_of(f"{heading}\n`SUCCESS,`a,`b,`1.10,`CNY\n总交易单数\n`1")) == [StatementLine("payment", "", "b", 110, "CNY")]
    with pytest.raises(Unknown):
        list(lines_of(f"{heading}\n{row}"))
    with pytest.raises(Unknown):
        list(lines_of("订单金额\n`1.10"))


# notices


def test_a_notice_is_proven_opened_and_read_again(both: WechatServer) -> None:
    request, gateway = paid_order(both), WechatGateway.configured()
    number = request.order_uuid.hex
    asked_before = len(both.requests)
    body, headers = both.paid(number, notice_id="EV-1", bound="")
    notice = gateway.verify(RawNotice(body, headers))
    charge = both.orders[number]["transaction_id"]
    assert (notice.external_id, notice.kind) == ("EV-1", "TRANSACTION.SUCCESS")
    assert notice.subject == Standing(Outcome.PAID, request.order_uuid, "", charge, 10_000, "CNY")
    assert gateway.read(body) == notice
    assert len(both.requests) == asked_before


def test_a_notice_without_a_signature_type_is_of_the_usual_one(wechat: WechatServer) -> None:
    body, headers = wechat.paid(paid_order(wechat).order_uuid.hex)
    del headers["wechatpay-signature-type"]
    assert verified((body, headers)).outcome == Outcome.PAID


@pytest.mark.parametrize(
    ("how", "smells"),
    [
        ({"is_probe": True}, False),
        ({"serial": "PUB_KEY_ID_0000000000"}, False),
        ({"serial": "5157F09EFDC096DE15EBE81A47057A72"}, False),
        ({"age_s": 301}, False),
        ({"age_s": -301}, False),
        ({"signer": key("stranger")}, True),
        ({"apiv3_key": "a" * 32}, False),
    ],
)
def test_what_is_not_proven_is_refused_without_the_network(both: WechatServer, how: dict[str, Any], smells: bool) -> None:
    number = paid_order(both).order_uuid.hex
    asked_before = len(both.requests)
    with pytest.raises(Unproven) as caught:
        verified(both.paid(number, **how))
    assert bool(caught.value.alarm) is smells
    assert len(both.requests) == asked_before


@pytest.mark.parametrize("lie", [{"mchid": "1900000000"}, {"appid": "wx9999999999999999"}, {"appid": None}, {"mchid": None}])
def test_another_merchants_payment_smells(wechat: WechatServer, lie: dict[str, Any]) -> None:
    number = paid_order(wechat).order_uuid.hex
    with pytest.raises(Unproven) as caught:
        verified(wechat.notice("TRANSACTION.SUCCESS", wechat.transaction(number, **lie)))
    assert caught.value.alarm == "wrong_merchant"


@pytest.mark.parametrize("header", ["timestamp", "nonce", "signature", "serial", "signature-type"])
@pytest.mark.parametrize("value", ["", "é", "garbage", "=", "9" * 40, "²", "-1"])
def test_signature_headers_of_any_form_are_refused_not_crashed_on(wechat: WechatServer, header: str, value: str) -> None:
    body, headers = wechat.paid(paid_order(wechat).order_uuid.hex)
    headers[f"wechatpay-{header}"] = value
    with pytest.raises(Unproven):
        verified((body, headers))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id":"1","event_type":"TRANSACTION.SUCCESS"}',
        b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":7}',
        b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"","ciphertext":"AAAA"}}',
        b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"123456789012","ciphertext":"!"}}',
        b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"ROT13","nonce":"123456789012","ciphertext":"AAAA"}}',
    ],
)
def test_signed_nonsense_is_refused(wechat: WechatServer, body: bytes) -> None:
    headers = {name.lower(): value for name, value in wechat.sign(body).items()}
    with pytest.raises(Unproven):
        verified((body, headers))


@pytest.mark.parametrize("total", [None, "10000", 10.5, True, -1, {}])
def test_an_amount_that_is_no_whole_number_is_no_amount(wechat: WechatServer, total: Any) -> None:
    number = paid_order(wechat).order_uuid.hex
    with pytest.raises(Unproven):
        verified(wechat.notice("TRANSACTION.SUCCESS", wechat.transaction(number, amount={"total": total, "currency": "CNY"})))


def test_notices_of_other_products_and_other_shops_speak_of_nothing_of_ours(wechat: WechatServer) -> None:
    number = paid_order(wechat).order_uuid.hex
    assert verified(wechat.notice("COUPON.USE", {"mchid": "1900000000"})) is None
    assert verified(wechat.notice("TRANSACTION.SUCCESS", wechat.transaction(number, out_trade_no="shop-of-somebody-1"))).order_uuid is None


# settings


PARTS = [
    "WECHATPAY_MCHID",
    "WECHATPAY_APPID",
    "WECHATPAY_CERT_SERIAL",
    "WECHATPAY_PRIVATE_KEY",
    "WECHATPAY_APIV3_KEY",
    "WECHATPAY_PUBLIC_KEY_ID",
    "WECHATPAY_PUBLIC_KEY",
]


def said_at_the_start() -> list[str]:
    return [message.msg for message in run_checks() if message.id.startswith("payments.wechat")]


def test_a_channel_that_nobody_set_up_is_off_in_silence(production: None) -> None:
    assert said_at_the_start() == []
    with pytest.raises(NotConfigured):
        WechatGateway.configured()


def test_a_channel_that_is_set_up_starts_in_silence_and_hides_its_keys(both: WechatServer) -> None:
    assert said_at_the_start() == []
    shown = repr(WechatGateway.configured())
    assert both.mchid in shown
    assert not any(secret in shown for secret in (both.apiv3_key, "PRIVATE", "RSAPrivateKey"))


@pytest.mark.parametrize("part", PARTS)
def test_a_half_set_up_channel_is_off_and_says_what_is_missing(wechat: WechatServer, settings: Any, part: str) -> None:
    setattr(settings, part, "")
    assert said_at_the_start() == [f"{part} is missing: WeChat Pay stays off."]
    with pytest.raises(NotConfigured):
        WechatGateway.configured()


def _elliptic() -> tuple[str, str]:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public


def _small() -> str:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))


WRONG = [
    ("WECHATPAY_MCHID", "19000 09191"),
    ("WECHATPAY_APPID", "1900009191"),
    ("WECHATPAY_CERT_SERIAL", "serial-0x1"),
    ("WECHATPAY_APIV3_KEY", "a" * 31),
    ("WECHATPAY_APIV3_KEY", "短" * 32),
    ("WECHATPAY_PUBLIC_KEY_ID", "PUB_KEY_01190000"),
    ("WECHATPAY_PRIVATE_KEY", "not a key at all"),
    ("WECHATPAY_PRIVATE_KEY", _elliptic()[0]),
    ("WECHATPAY_PRIVATE_KEY", _small()),
    ("WECHATPAY_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    ("WECHATPAY_PUBLIC_KEY", _elliptic()[1]),
    ("WECHATPAY_PUBLIC_KEY", certificate("platform").public_bytes(Encoding.PEM).decode()),
    ("WECHATPAY_TRANSFER_SCENE_ID", "commission"),
    ("WECHATPAY_BASE", "http://api.mch.weixin.qq.com"),
    ("WECHATPAY_BASE", "api.mch.weixin.qq.com"),
    ("WECHATPAY_BASE", ""),
]


@pytest.mark.parametrize(("part", "value"), WRONG, ids=[f"{number}-{part}" for number, (part, _) in enumerate(WRONG)])
def test_a_wrong_setting_is_named_at_the_start_and_never_shown(wechat: WechatServer, settings: Any, part: str, value: str) -> None:
    setattr(settings, part, value)
    (said,) = said_at_the_start()
    assert said.startswith(f"{part} is n")
    assert not value or value not in said
    with pytest.raises(NotConfigured):
        WechatGateway.configured()


def test_a_private_key_of_the_older_form_is_taken(wechat: WechatServer, settings: Any) -> None:
    older = wechat.merchant.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    settings.WECHATPAY_PRIVATE_KEY = f"\r\n{older}\n".replace("\n", "\r\n")
    assert list(faults()) == []
    assert WechatGateway.configured().create(asked()).code_url


def test_notices_need_an_https_address(wechat: WechatServer, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "http://shop.example"
    (said,) = said_at_the_start()
    assert said.startswith("PUBLIC_BASE_URL is no https address")


@pytest.mark.django_db
def test_demo_mode_reads_the_sandboxs_notices_and_calls_nobody(demo: None, settings: Any) -> None:
    for part in PARTS:
        setattr(settings, part, "")
    gateway = WechatGateway.configured()
    assert gateway.config == WechatConfig.sandbox()
    with pytest.raises(Temporary):
        gateway.create(asked())
    with pytest.raises(Temporary):
        gateway.payout(payout())
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(b"{}", {}))


# the door


@pytest.mark.django_db
def test_a_probe_is_answered_cleanly_in_wechats_words(wechat: WechatServer) -> None:
    body, headers = wechat.paid(paid_order(wechat).order_uuid.hex, is_probe=True)
    response = Client().post("/api/payments/webhook/wechat", body, content_type="application/json", headers=headers)
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "FAIL"


def test_the_server_next_door_is_as_strict_as_wechat(wechat: WechatServer) -> None:
    gateway = WechatGateway.configured()
    lies: list[dict[str, Any]] = [
        {"notify_url": "http://shop.example/x"},
        {"notify_url": "https://shop.example/x?y=1"},
        {"mchid": "1900000000"},
        {"appid": "wx9999999999999999"},
        {"cert_serial": "00000000"},
    ]
    for other in lies:
        with pytest.raises((Rejected, Temporary)):
            WechatGateway(replace(gateway.config, **other)).create(asked())
    with pytest.raises(Rejected):
        gateway.create(asked(expires_at=kernel_clock.now() + dt.timedelta(seconds=30)))
    assert wechat.orders == {}
