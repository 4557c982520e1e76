"""The Alipay gateway against a server that is faithful to its protocol."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

import alipay  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from config.kernel import clock
from config.kernel.errors import NotConfigured
from payments.gateways.alipay import AlipayGateway, bill, keys, notices, values
from payments.gateways.alipay.checks import alipay_check
from payments.gateways.alipay.config import AlipayConfig
from payments.gateways.alipay.signing import order_string, signed
from payments.gateways.alipay.wire import members
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
from payments.gateways.registry import checkout_gateway, payout_gateway
from tests.payments import alipay_server as next_door
from tests.payments.alipay_server import AlipayServer, Refusal

FIELD_NAMES = st.sampled_from(
    [
        "notify_time",
        "utc_timestamp",
        "notify_type",
        "notify_id",
        "msg_method",
        "biz_content",
        "trade_status",
        "trade_no",
        "out_trade_no",
        "total_amount",
        "refund_fee",
        "gmt_refund",
        "out_biz_no",
        "gmt_payment",
        "trans_currency",
        "charset",
    ]
)
KINDS = ["trade_status_sync", "alipay.fund.trans.order.changed", "TRADE_SUCCESS", "TRADE_CLOSED"]
ODD = ["1.00", "-1", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "9" * 30, "{}", "[]", "[" * 9_000, "0" * 32, "\x00"]
ODD_VALUES = st.sampled_from([*KINDS, *ODD, '{"status":"SUCCESS","out_biz_no":{},"trans_amount":[]}'])
NOW = dt.datetime(2026, 11, 21, 4, 30, tzinfo=dt.UTC)


@pytest.fixture(params=[False, True], ids=["keys", "certificates"])
def server(request: pytest.FixtureRequest, production: None, settings: Any) -> Iterator[AlipayServer]:
    """Alipay next door in both of its modes, and a platform that is configured for it."""
    made = AlipayServer(with_certificates=request.param)
    made.configure(settings)
    yield made
    made.close()


@pytest.fixture
def vault(production: None, settings: Any) -> Iterator[AlipayServer]:
    """Alipay next door in certificate mode, which payouts need."""
    made = AlipayServer(with_certificates=True)
    made.configure(settings)
    yield made
    made.close()


@pytest.fixture
def gateway() -> AlipayGateway:
    return AlipayGateway.configured()


def checkout(method: str = "page", **changes: Any) -> CheckoutRequest:
    facts: dict[str, Any] = {
        "order_uuid": uuid4(),
        "channel": "alipay",
        "method": method,
        "title": "1,000 credits / bonus=100 & more {}",
        "amount_cents": 10_005,
        "currency": "CNY",
        "return_url": "https://shop.example/paid?order=1",
        "created_at": NOW,
        "expires_at": NOW + dt.timedelta(hours=2),
    }
    return CheckoutRequest(**facts | changes)


def begun(gateway: AlipayGateway, server: AlipayServer, **changes: Any) -> tuple[CheckoutRequest, dict[str, Any]]:
    """A checkout whose payer has paid at Alipay."""
    request = checkout(**changes)
    return request, server.pay(gateway.create(request).payment_url)


def refund_of(request: CheckoutRequest, amount_cents: int = 10_005, **changes: Any) -> RefundRequest:
    number = request.order_uuid
    return RefundRequest(uuid4(), number, number.hex, "2026", amount_cents, 10_005, "CNY", **({"reason": "asked / for"} | changes))


def payout(amount_cents: int = 12_345, *, account: str = "user@example.com", name: str = "张三") -> PayoutRequest:
    return PayoutRequest(uuid4(), amount_cents, {"account": account, "name": name}, "Creator's income", NOW)


# what we ask


@pytest.mark.parametrize("method", ["page", "wap", "app"])
def test_a_checkout_is_signed_and_names_the_order_the_sum_and_its_time(server: AlipayServer, gateway: AlipayGateway, method: str) -> None:
    request = checkout(method)
    made = gateway.create(request)
    text = made.pay_params["order_string"] if method == "app" else made.payment_url
    trade = server.arrive(text)
    assert (made.external_id, trade["out_trade_no"], trade["total_amount"]) == (request.order_uuid.hex, request.order_uuid.hex, "100.05")
    assert trade["notify_url"] == "http://127.0.0.1:8000/api/payments/webhook/alipay"
    assert json.loads(parse_qs(text.partition("?")[2] or text)["biz_content"][0])["time_expire"] == "2026-11-21 14:30:00"
    assert server.calls == []
    assert made.payment_url.startswith("" if method == "app" else f"{server.gateway}?")


def test_pages_lead_back_and_the_app_does_not(server: AlipayServer, gateway: AlipayGateway) -> None:
    page, wap = (parse_qs(urlsplit(gateway.create(checkout(method)).payment_url).query) for method in ("page", "wap"))
    assert page["return_url"] == wap["return_url"] == ["https://shop.example/paid?order=1"]
    assert json.loads(wap["biz_content"][0])["quit_url"] == "https://shop.example/paid?order=1"
    assert "return_url" not in parse_qs(gateway.create(checkout("app")).pay_params["order_string"])


def test_the_same_order_asks_for_the_same_trade(server: AlipayServer, gateway: AlipayGateway) -> None:
    request = checkout()
    one, two = (parse_qs(urlsplit(gateway.create(request).payment_url).query)["biz_content"] for _ in range(2))
    assert one == two


@pytest.mark.parametrize("changes", [{"currency": "USD"}, {"amount_cents": 0}, {"amount_cents": 10_000_000_001}, {"method": "native"}])
def test_what_alipay_does_not_take_is_rejected(server: AlipayServer, gateway: AlipayGateway, changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        gateway.create(checkout(**changes))


def test_a_changed_address_is_worth_nothing_at_alipay(server: AlipayServer, gateway: AlipayGateway) -> None:
    url = gateway.create(checkout()).payment_url
    with pytest.raises(Refusal, match="invalid-signature"):
        server.arrive(url.replace("100.05", "0.01"))


def test_calls_are_posted_so_that_no_payee_stands_in_an_address(vault: AlipayServer, gateway: AlipayGateway) -> None:
    gateway.payout(payout())
    assert [(verb, method) for verb, method, _ in vault.calls] == [("POST", "alipay.fund.trans.uni.transfer")]


# what we are answered


def test_an_order_whose_payer_never_came_is_open_and_cannot_be_closed(server: AlipayServer, gateway: AlipayGateway) -> None:
    order = OrderRef(uuid4(), "")
    assert gateway.query(order) == Standing(Outcome.OPEN, order.order_uuid, order.order_uuid.hex)
    assert gateway.close(order).outcome == Outcome.NONE


def test_a_trade_is_open_then_paid_and_names_its_money(server: AlipayServer, gateway: AlipayGateway) -> None:
    request = checkout()
    order = OrderRef(request.order_uuid, request.order_uuid.hex)
    url = gateway.create(request).payment_url
    server.arrive(url)
    assert gateway.query(order).outcome == Outcome.OPEN
    trade = server.pay(url)
    paid = Standing(Outcome.PAID, request.order_uuid, request.order_uuid.hex, trade["trade_no"], 10_005, "CNY")
    assert gateway.query(order) == paid
    assert gateway.close(order) == paid
    trade["trade_status"] = "TRADE_FINISHED"
    assert gateway.query(order) == paid


def test_an_unpaid_trade_is_closed_once_and_stays_so(server: AlipayServer, gateway: AlipayGateway) -> None:
    request = checkout()
    order = OrderRef(request.order_uuid, request.order_uuid.hex)
    server.arrive(gateway.create(request).payment_url)
    assert gateway.close(order).outcome == Outcome.CANCELLED
    assert gateway.query(order).outcome == Outcome.EXPIRED
    assert gateway.close(order).outcome == Outcome.EXPIRED


def test_a_refunded_trade_is_closed_too_and_is_no_unpaid_one(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server)
    gateway.refund(refund_of(request))
    assert trade["trade_status"] == "TRADE_CLOSED"
    found = gateway.query(OrderRef(request.order_uuid, request.order_uuid.hex))
    assert (found.outcome, found.charge_id, found.amount_cents) == (Outcome.CANCELLED, trade["trade_no"], 0)
    assert "refunded in full" in found.text


@pytest.mark.parametrize("trouble", ["20000", "ACQ.SYSTEM_ERROR", "silence", "502", "unsigned", "forged"])
def test_an_answer_that_says_nothing_leaves_the_refund_unknown_and_a_repeat_finds_it_done(
    server: AlipayServer, gateway: AlipayGateway, trouble: str
) -> None:
    request, trade = begun(gateway, server)
    refund = refund_of(request, 5_000)
    server.trouble = [trouble]
    with pytest.raises(Unknown):
        gateway.refund(refund)
    assert trade["refunds"] == {refund.refund_uuid.hex: 5_000}
    assert gateway.refund(refund).outcome == RefundOutcome.SUCCEEDED
    assert trade["refunds"] == {refund.refund_uuid.hex: 5_000}


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal("isv.app-call-limited", "40005"), Temporary),
        (Refusal("isv.insufficient-isv-permissions", "40006"), Temporary),
        (Refusal("isv.invalid-app-id", "40002"), Temporary),
        (Refusal("ACQ.SELLER_BALANCE_NOT_ENOUGH"), Temporary),
        (Refusal("ACQ.TRADE_HAS_FINISHED"), Rejected),
        (Refusal("aop.ACQ.TRADE_HAS_FINISHED"), Rejected),
        (Refusal("ACQ.REASON_TRADE_REFUND_FEE_ERR"), Rejected),
        (Refusal("ACQ.DISCORDANT_REPEAT_REQUEST"), Unknown),
        (Refusal("ACQ.SOMETHING_NEW"), Unknown),
    ],
)
def test_sub_codes_decide_what_a_refused_refund_means(server: AlipayServer, gateway: AlipayGateway, refusal: Refusal, kind: type) -> None:
    request, trade = begun(gateway, server)
    server.refuse = [refusal]
    with pytest.raises((Temporary, Rejected)) as caught:
        gateway.refund(refund_of(request))
    assert type(caught.value) is kind
    assert kind is not Rejected or "ACQ" not in str(caught.value)
    assert trade["refunds"] == {}


def test_a_gateway_that_is_not_there_took_nothing(server: AlipayServer, gateway: AlipayGateway) -> None:
    server.close()
    with pytest.raises(Temporary) as caught:
        gateway.query(OrderRef(uuid4(), ""))
    assert not isinstance(caught.value, Unknown)


def test_a_wrong_key_of_ours_is_no_fault_of_the_order(server: AlipayServer, settings: Any) -> None:
    settings.ALIPAY_PRIVATE_KEY = next_door.pem(next_door.key_of("stranger"))
    settings.ALIPAY_APP_CERT = settings.ALIPAY_APP_CERT and next_door.certificate_pem(next_door.certificate("stranger", "authority"))
    with pytest.raises(Unknown):
        AlipayGateway.configured().query(OrderRef(uuid4(), ""))
    assert server.calls == []


def test_a_signed_answer_about_another_trade_is_not_believed(server: AlipayServer, gateway: AlipayGateway) -> None:
    _, mine = begun(gateway, server)
    request, other = begun(gateway, server)
    server.trades[request.order_uuid.hex] = mine
    with pytest.raises(Unknown):
        gateway.query(OrderRef(request.order_uuid, ""))
    assert other["out_trade_no"] != mine["out_trade_no"]


@pytest.mark.parametrize("text", ['{"a": {"b": "}{\\""}, "sign" : "x"}', ' { "a" :{"b": "}{\\""},"sign": "x" } '])
def test_the_signed_part_of_an_answer_is_found_by_its_grammar(text: str) -> None:
    assert members(text) == {"a": '{"b": "}{\\""}', "sign": '"x"'}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"a":1', '{"a":1}{"a":2}', '{"a":1,"a":2}', '{"a":1,}', "null", '{"a" 1}'])
def test_answers_of_any_other_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        members(text)


# refunds


def test_a_refund_is_done_once_and_counts_with_the_others(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server)
    first, second = refund_of(request, 2_000), refund_of(request, 3_005)
    done = gateway.refund(first)
    assert (done.outcome, done.amount_cents, done.refunded_total_cents) == (RefundOutcome.SUCCEEDED, 2_000, 2_000)
    assert done.external_id == first.refund_uuid.hex
    assert gateway.refund(second).refunded_total_cents == 5_005
    again = gateway.refund(first)  # fund_change N: Alipay is asked what did
    assert (again.outcome, again.amount_cents, again.charge_id) == (RefundOutcome.SUCCEEDED, 2_000, trade["trade_no"])
    assert [method.rpartition(".")[2] for _, method, _ in server.calls] == ["refund", "refund", "refund", "query"]
    with pytest.raises(Rejected):
        gateway.refund(refund_of(request, 5_001))


def test_a_refund_that_is_not_final_is_being_processed(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server)
    refund = refund_of(request)
    server.trouble = ["20000"]
    with pytest.raises(Unknown):
        gateway.refund(refund)
    trade["refund_status"] = ""
    assert gateway.refund(refund).outcome == RefundOutcome.PROCESSING
    assert gateway.refund_query(refund).outcome == RefundOutcome.NONE
    trade["refund_status"] = "REFUND_SUCCESS"
    assert gateway.refund_query(refund).outcome == RefundOutcome.SUCCEEDED


def test_a_refund_that_never_came_is_not_known(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, _ = begun(gateway, server)
    assert gateway.refund_query(refund_of(request)).outcome == RefundOutcome.NONE
    assert gateway.refund_query(refund_of(checkout())).outcome == RefundOutcome.NONE


# payouts


def test_a_payout_arrives_once_however_often_it_is_sent(vault: AlipayServer, gateway: AlipayGateway) -> None:
    request = payout()
    first, again = gateway.payout(request), gateway.payout(request)
    assert first == again == gateway.payout_query(request)
    assert (first.outcome, first.payout_uuid, first.amount_cents) == (PayoutOutcome.PAID, request.payout_uuid, 12_345)
    assert (len(vault.transfers), vault.balance_cents) == (1, 100_000_00 - 12_345)


def test_payouts_need_certificates(production: None, settings: Any) -> None:
    server = AlipayServer()
    server.configure(settings)
    with pytest.raises(Rejected, match="certificate mode"):
        payout_gateway("alipay").payout(payout())
    assert server.calls == []
    server.close()


@pytest.mark.parametrize("trouble", ["20000", "SYSTEM_ERROR", "silence", "unsigned", "forged"])
def test_a_payout_without_an_answer_is_unknown_and_found_by_its_number(vault: AlipayServer, gateway: AlipayGateway, trouble: str) -> None:
    request = payout()
    vault.trouble = [trouble]
    with pytest.raises(Unknown):
        gateway.payout(request)
    assert gateway.payout_query(request).outcome == PayoutOutcome.PAID
    assert vault.balance_cents == 100_000_00 - 12_345


def test_a_payout_that_alipay_never_had_is_not_known(vault: AlipayServer, gateway: AlipayGateway) -> None:
    assert gateway.payout_query(payout()).outcome == PayoutOutcome.NONE


def test_our_own_empty_purse_is_no_fault_of_the_payee(vault: AlipayServer, gateway: AlipayGateway) -> None:
    request, vault.balance_cents = payout(), 1
    with pytest.raises(Temporary) as caught:
        gateway.payout(request)
    assert type(caught.value) is Temporary
    vault.balance_cents = 100_000_00
    assert gateway.payout(request).outcome == PayoutOutcome.PAID


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (payout(account="nobody@example.com"), "no such Alipay account"),
        (payout(name="李四"), "name does not belong"),
        (payout(name=""), "owner is missing"),
        (payout(account=" "), "account is missing"),
        (payout(9), "0.10 yuan"),
    ],
)
def test_payees_that_cannot_be_paid_are_refused_in_our_words(
    vault: AlipayServer, gateway: AlipayGateway, request_: PayoutRequest, words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        gateway.payout(request_)
    assert vault.transfers == {}


def test_alipays_own_user_id_needs_no_name(vault: AlipayServer, gateway: AlipayGateway) -> None:
    assert gateway.payout(payout(account="2088102100000007", name="")).outcome == PayoutOutcome.PAID
    assert vault.calls[-1][2]["payee_info"] == {"identity": "2088102100000007", "identity_type": "ALIPAY_USER_ID"}


def test_the_same_number_with_another_sum_is_never_taken_for_refused(vault: AlipayServer, gateway: AlipayGateway) -> None:
    request = payout()
    gateway.payout(request)
    with pytest.raises(Unknown):
        gateway.payout(PayoutRequest(request.payout_uuid, 1_000, request.account, request.title, NOW))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("SUCCESS", PayoutOutcome.PAID), ("FAIL", PayoutOutcome.REFUSED), ("REFUND", PayoutOutcome.RETURNED)],
)
def test_a_transfer_under_way_ends_by_a_message(vault: AlipayServer, gateway: AlipayGateway, status: str, outcome: PayoutOutcome) -> None:
    request, vault.transfer_status = payout(), "DEALING"
    assert gateway.payout(request).outcome == PayoutOutcome.PROCESSING
    body, headers = vault.transfer_message(request.payout_uuid.hex, status)
    told = gateway.verify(RawNotice(body, headers)).subject
    assert isinstance(told, PayoutStanding)
    assert (told.outcome, told.payout_uuid, told.amount_cents) == (outcome, request.payout_uuid, 12_345)
    assert (told.text == "") == (outcome == PayoutOutcome.PAID)
    assert gateway.payout_query(request).outcome == outcome


# bills


def test_a_days_bill_tells_payments_and_refunds_under_our_numbers(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server, title="一百 credits, 1")
    refund = refund_of(request, 5_000)
    gateway.refund(refund)
    _, foreign = begun(gateway, server)
    foreign["out_trade_no"] = "SHOP-7"
    server.bill("2026-11-20")
    assert gateway.statement(dt.date(2026, 11, 20)) == [
        StatementLine("payment", request.order_uuid.hex, trade["trade_no"], 10_005, "CNY"),
        StatementLine("refund", refund.refund_uuid.hex, trade["trade_no"], 5_000, "CNY"),
        StatementLine("payment", "", foreign["trade_no"], 10_005, "CNY"),
    ]


def test_a_bill_that_is_not_there_is_late_or_empty(server: AlipayServer, gateway: AlipayGateway) -> None:
    with pytest.raises(Temporary, match="not ready"):
        gateway.statement(clock.day_of(clock.real_now()))
    assert gateway.statement(dt.date(2026, 1, 1)) == []


def test_a_bill_that_cannot_be_read_is_asked_for_again(
    server: AlipayServer, gateway: AlipayGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.bill("2026-11-20")
    whole = server.bills["2026-11-20"]
    monkeypatch.setattr(bill, "ZIP_LIMIT_BYTES", len(whole) - 1)
    with pytest.raises(Temporary):
        gateway.statement(dt.date(2026, 11, 20))
    for broken in (b"", b"<html>", whole[:-30], _zip("x.txt", b""), _zip("a.csv", b"\xb0\xa1,b\r\n1,2"), _zip("a.csv", b"0" * 2_000_000)):
        monkeypatch.setattr(bill, "FILE_LIMIT_BYTES", 1_000_000)
        with pytest.raises(Temporary):
            bill.lines(broken)


def _zip(name: str, data: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("address", ["", "https://evil.example/bill", "http://[", "file:///etc/passwd", "https://alipay.com.evil.example/"])
def test_bills_are_fetched_from_alipay_only(server: AlipayServer, gateway: AlipayGateway, address: str) -> None:
    with pytest.raises(Unknown):
        bill.fetched(gateway.config, address)


# notices


def test_a_paid_trade_is_told_with_its_money(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server)
    body, headers = server.notice(trade, notify_id="2026abcdef01")
    told = gateway.verify(RawNotice(body, headers))
    assert (told.external_id, told.kind) == ("2026abcdef01", "trade_status_sync.TRADE_SUCCESS")
    assert told.subject == Standing(Outcome.PAID, request.order_uuid, request.order_uuid.hex, trade["trade_no"], 10_005, "CNY")
    assert gateway.read(body) == told
    trade["trade_status"] = "TRADE_FINISHED"
    assert gateway.verify(RawNotice(*server.notice(trade))).subject == told.subject


def test_a_refund_is_never_read_as_a_payment(server: AlipayServer, gateway: AlipayGateway) -> None:
    request, trade = begun(gateway, server)
    part, rest = refund_of(request, 5_000), refund_of(request, 5_005)
    gateway.refund(part)
    told = gateway.verify(RawNotice(*server.refund_notice(trade, part.refund_uuid.hex)))
    assert (told.kind, trade["trade_status"]) == ("trade_status_sync.refund", "TRADE_SUCCESS")
    facts: dict[str, Any] = {"order_uuid": request.order_uuid, "charge_id": trade["trade_no"], "currency": "CNY"}
    assert told.subject == RefundStanding(RefundOutcome.SUCCEEDED, refunded_total_cents=5_000, **facts)
    gateway.refund(rest)
    told = gateway.verify(RawNotice(*server.refund_notice(trade, rest.refund_uuid.hex)))
    assert told.subject == RefundStanding(RefundOutcome.SUCCEEDED, refunded_total_cents=10_005, **facts)


@pytest.mark.parametrize(
    "lost", [{"gmt_refund": None}, {"refund_fee": None}, {"out_biz_no": None}, {"gmt_refund": None, "out_biz_no": None}]
)
def test_any_trace_of_a_refund_tells_of_it(server: AlipayServer, gateway: AlipayGateway, lost: dict[str, Any]) -> None:
    request, trade = begun(gateway, server)
    refund = refund_of(request, 5_000)
    gateway.refund(refund)
    told = gateway.verify(RawNotice(*server.refund_notice(trade, refund.refund_uuid.hex, **lost))).subject
    assert isinstance(told, RefundStanding)
    assert told.refunded_total_cents == (None if "refund_fee" in lost else 5_000)


def test_a_paid_trade_that_is_closed_was_given_back_in_full(server: AlipayServer, gateway: AlipayGateway) -> None:
    _, trade = begun(gateway, server)
    trade["trade_status"] = "TRADE_CLOSED"
    told = gateway.verify(RawNotice(*server.notice(trade))).subject
    assert isinstance(told, RefundStanding)
    assert (told.refund_uuid, told.refunded_total_cents) == (None, 10_005)


@pytest.mark.parametrize(("status", "outcome"), [("WAIT_BUYER_PAY", Outcome.OPEN), ("TRADE_CLOSED", Outcome.EXPIRED)])
def test_an_unpaid_trade_tells_no_money(server: AlipayServer, gateway: AlipayGateway, status: str, outcome: Outcome) -> None:
    trade = server.arrive(gateway.create(checkout()).payment_url)
    trade["trade_status"] = status
    told = gateway.verify(RawNotice(*server.notice(trade))).subject
    assert isinstance(told, Standing)
    assert (told.outcome, told.amount_cents) == (outcome, 0)


@pytest.mark.parametrize(
    ("changes", "smells"),
    [
        ({"key": "forger"}, True),
        ({"key": "merchant"}, True),
        ({"app_id": "2021004100000099"}, True),
        ({"auth_app_id": "2021004100000099"}, True),
        ({"app_id": None}, True),
        ({"seller_id": "2088441000000099"}, True),
        ({"seller_id": None}, True),
        ({"age_s": 26 * 3600 + 60}, False),
        ({"age_s": -900}, False),
        ({"notify_time": "yesterday"}, False),
        ({"notify_time": None}, False),
        ({"notify_id": None}, False),
        ({"notify_id": "a\x00b"}, False),
        ({"charset": "gbk"}, False),
        ({"total_amount": "100.055"}, False),
        ({"total_amount": "1e9"}, False),
        ({"total_amount": "-1.00"}, False),
        ({"total_amount": None}, False),
        ({"trade_status": "TRADE_DREAMT"}, False),
        ({"trade_no": None}, False),
    ],
)
def test_notices_that_are_not_for_us_or_make_no_sense_are_unproven(
    server: AlipayServer, gateway: AlipayGateway, changes: dict[str, Any], smells: bool
) -> None:
    _, trade = begun(gateway, server)
    with pytest.raises(Unproven) as caught:
        gateway.verify(RawNotice(*server.notice(trade, **changes)))
    assert bool(caught.value.alarm) == smells


@pytest.mark.parametrize("age_s", [0, 24 * 3600 + 24 * 60, -300])
def test_every_repeat_of_alipays_schedule_is_taken(server: AlipayServer, gateway: AlipayGateway, age_s: int) -> None:
    _, trade = begun(gateway, server)
    assert gateway.verify(RawNotice(*server.notice(trade, age_s=age_s))).subject is not None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pairs: [*pairs, ("total_amount", "1.00")],
        lambda pairs: [*pairs, ("app_id", dict(pairs)["app_id"])],
        lambda pairs: [*pairs, ("extra", "")],
        lambda pairs: [(name, "1.00" if name == "total_amount" else value) for name, value in pairs],
        lambda pairs: [(name, "%%%" if name == "sign" else value) for name, value in pairs],
        lambda pairs: [(name, "é" if name == "sign" else value) for name, value in pairs],
        lambda pairs: [(name, "QQ=" if name == "sign" else value) for name, value in pairs],
        lambda pairs: [(name, "RSA" if name == "sign_type" else value) for name, value in pairs],
        lambda pairs: [pair for pair in pairs if pair[0] != "sign"],
        lambda pairs: [pair for pair in pairs if pair[0] != "sign_type"],
        lambda pairs: [*pairs, *((f"x{number}", "1") for number in range(200))],
    ],
)
def test_a_form_that_was_touched_is_refused_not_crashed_on(server: AlipayServer, gateway: AlipayGateway, spoil: Any) -> None:
    _, trade = begun(gateway, server)
    body, headers = server.notice(trade)
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(urlencode(spoil(parse_qsl(body.decode(), keep_blank_values=True))).encode(), headers))


@pytest.mark.parametrize(
    "body", [b"", b"&&&", b"a", b"a=%ff", b"\xff\xfe=1", b"{}", b"sign=1&sign_type=RSA2", b"a=" + b"%00" * 9, b"=" * 99]
)
def test_bodies_of_any_form_are_refused_not_crashed_on(server: AlipayServer, gateway: AlipayGateway, body: bytes) -> None:
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(body, {}))
    with pytest.raises(Unproven):
        gateway.read(body)


@pytest.mark.parametrize("content", ["", "null", "[]", "{", "{}", '{"status":"SUCCESS"}', "[" * 50_000, '{"status":[],"out_biz_no":1}'])
def test_signed_messages_that_make_no_sense_are_refused(server: AlipayServer, gateway: AlipayGateway, content: str) -> None:
    server.transfers["n"] = {"order_id": "1", "amount": "1.00"}
    body, headers = server.transfer_message("n", "SUCCESS", biz_content=content)
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(body, headers))


def test_other_messages_of_the_application_are_proven_and_none_of_our_business(server: AlipayServer, gateway: AlipayGateway) -> None:
    server.transfers["SHOP-7"] = {"order_id": "1", "amount": "1.00"}
    for changes in ({"msg_method": "alipay.open.app.changed"}, {}):
        body, headers = server.transfer_message("SHOP-7", "SUCCESS", **changes)
        assert gateway.verify(RawNotice(body, headers)).subject is None


@settings_of_hypothesis(max_examples=300)
@given(fields=st.dictionaries(FIELD_NAMES, st.one_of(ODD_VALUES, st.text(max_size=40)), max_size=14))
def test_whatever_is_signed_is_told_or_unproven_and_nothing_else(fields: dict[str, str]) -> None:
    key = next_door.key_of("alipay")
    config = AlipayConfig(next_door.APP_ID, next_door.SELLER_ID, next_door.key_of("merchant"), key.public_key(), "", "")
    whole = {
        "app_id": next_door.APP_ID,
        "seller_id": next_door.SELLER_ID,
        "notify_time": next_door.beijing(),
        "notify_id": "a" * 20,
    } | fields
    body = urlencode(signed(key, whole)).encode()
    with contextlib.suppress(Unproven):
        AlipayGateway(config).verify(RawNotice(body, {}))


@given(body=st.binary(max_size=200))
def test_whatever_is_stored_is_read_or_unproven_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unproven):
        notices.read(body)


# configuration


def test_nothing_configured_is_off_and_no_fault(production: None) -> None:
    with pytest.raises(NotConfigured):
        checkout_gateway("alipay")
    assert alipay_check() == []


def test_a_whole_configuration_is_no_fault_and_shows_no_secret(server: AlipayServer) -> None:
    config = AlipayConfig.from_settings()
    assert config.has_certificates == server.with_certificates
    assert [message.id for message in alipay_check()] == ["payments.W301"]
    assert "RSA" not in repr(config)
    assert "RSA" not in repr(AlipayGateway(config))


def test_keys_are_taken_as_the_console_hands_them_out(production: None, settings: Any) -> None:
    server = AlipayServer()
    server.configure(settings)
    whole = AlipayConfig.from_settings()
    settings.ALIPAY_PRIVATE_KEY = next_door.bare(settings.ALIPAY_PRIVATE_KEY)
    settings.ALIPAY_PUBLIC_KEY = f" {next_door.bare(settings.ALIPAY_PUBLIC_KEY)}\n"
    bare = AlipayConfig.from_settings()
    assert bare.alipay_public_key == whole.alipay_public_key
    assert bare.private_key.private_numbers() == whole.private_key.private_numbers()
    server.close()


PARTS = ("ALIPAY_APP_ID", "ALIPAY_SELLER_ID", "ALIPAY_PRIVATE_KEY")
NEEDED = [
    *((False, name) for name in (*PARTS, "ALIPAY_PUBLIC_KEY")),
    *((True, name) for name in (*PARTS, "ALIPAY_APP_CERT", "ALIPAY_PUBLIC_CERT", "ALIPAY_ROOT_CERT")),
]


@pytest.mark.parametrize("value", ["", "secret-and-wrong", base64.b64encode(b"no key at all").decode()])
@pytest.mark.parametrize(("server", "name"), NEEDED, indirect=["server"])
def test_a_part_that_is_missing_or_wrong_is_an_error_that_names_it_and_tells_nothing(
    server: AlipayServer, settings: Any, name: str, value: str
) -> None:
    setattr(settings, name, value)
    with pytest.raises(NotConfigured):
        AlipayGateway.configured()
    faults = alipay_check()
    assert [name in fault.msg for fault in faults] == [True]
    assert not value or value not in faults[0].msg


def test_our_own_key_in_the_place_of_alipays_is_told(server: AlipayServer, settings: Any) -> None:
    name = "ALIPAY_PUBLIC_CERT" if server.with_certificates else "ALIPAY_PUBLIC_KEY"
    own = settings.ALIPAY_APP_CERT if server.with_certificates else next_door.public_pem(server.merchant)
    setattr(settings, name, own)
    assert [fault.msg for fault in alipay_check()] == [f"{name} holds the application's own key; it must hold Alipay's."]


def test_a_certificate_of_another_key_is_told(vault: AlipayServer, settings: Any) -> None:
    settings.ALIPAY_PRIVATE_KEY = next_door.pem(next_door.key_of("stranger"))
    assert [fault.msg for fault in alipay_check()] == ["ALIPAY_APP_CERT does not belong to ALIPAY_PRIVATE_KEY."]


@pytest.mark.parametrize("address", ["", "openapi.alipay.com", "http://openapi.alipay.com/gateway.do", "ftp://127.0.0.1/", "http://["])
def test_requests_leave_this_machine_encrypted_only(server: AlipayServer, settings: Any, address: str) -> None:
    settings.ALIPAY_GATEWAY = address
    assert [fault.msg for fault in alipay_check()] == ["ALIPAY_GATEWAY must be an https address."]


def test_weak_keys_are_refused() -> None:
    weak = next_door.rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(ValueError, match="2048"):
        keys.private_key(next_door.pem(weak))
    with pytest.raises(ValueError, match="2048"):
        keys.public_key(next_door.public_pem(weak))


# spellings


@pytest.mark.parametrize(("cents", "text"), [(1, "0.01"), (10, "0.10"), (12_345, "123.45"), (10_000_000_000, "100000000.00")])
def test_amounts_are_yuan_with_two_decimals_and_back(cents: int, text: str) -> None:
    assert (values.yuan(cents), values.cents(text)) == (text, cents)


@pytest.mark.parametrize(("text", "cents"), [("1", 100), ("1.5", 150)])
def test_shorter_spellings_of_an_amount_are_understood(text: str, cents: int) -> None:
    assert values.cents(text) == cents


@pytest.mark.parametrize("text", ["", ".5", "1.", "1.234", "+1", "-1", "1e3", "1,000.00", "NaN", "１", " 1", "1\n", "9" * 13])
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        values.cents(text)


# a second opinion: another implementation of the same protocol


def test_another_client_signs_and_proves_as_we_do(server: AlipayServer, gateway: AlipayGateway) -> None:
    other = alipay.AliPay(
        appid=next_door.APP_ID,
        app_private_key_string=next_door.pem(server.merchant),
        alipay_public_key_string=next_door.public_pem(server.alipay),
    )
    fields = {"app_id": "1", "subject": "一 & = {}", "sign_type": "RSA2", "empty": "x"}
    assert dict(parse_qsl(order_string(gateway.config, fields))) == dict(parse_qsl(other.sign_data(dict(fields))))
    notice = signed(server.alipay, fields)
    assert other.verify({name: value for name, value in notice.items() if name != "sign"}, notice["sign"])
