"""Alipay × every fault: through the real adapter, the server next door, and the inbox's door over HTTP."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from config.kernel import clock as kernel_clock
from credits.models import Posting
from credits.services.wallet import mature, transfer
from payments.exceptions import PaymentFailed, PaymentUnavailable
from payments.models import Alarm, Notice, Order, Payout, Refund, Withdrawal
from payments.services.catalogue import terms_of_product
from payments.services.expiry import order_ask, order_cancel, order_expire_due
from payments.services.order import order_create
from payments.services.payout import payout_look_up, withdrawal_pay
from payments.services.refund import refund_ask_due, refund_create, refund_send
from payments.services.withdrawal import withdrawal_apply, withdrawal_approve
from tests.payments.alipay_server import AlipayServer
from tests.payments.conftest import Buy, credits_of, fates, moved
from tests.payments.faults import FAULTS, told
from tests.payments.test_races import at_once

DOOR = "/api/payments/webhook/alipay"
Case = tuple[Any, Order, dict[str, Any]]
Sent = tuple[bytes, dict[str, str]]


@pytest.fixture
def server(production: None, settings: Any) -> Iterator[AlipayServer]:
    """Alipay next door, and a platform that is configured for it."""
    made = AlipayServer(with_certificates=True)
    made.configure(settings)
    yield made
    made.close()


@pytest.fixture
def paid(db: None, server: AlipayServer, user_factory: Any, buy: Buy) -> Case:
    """A buyer, an order, and its trade, paid at Alipay and not heard of."""
    return _paid(server, user_factory, buy)


def _paid(server: AlipayServer, user_factory: Any, buy: Buy) -> Case:
    user = user_factory(bonus=0)
    order = buy(user, channel="alipay")
    return user, order, server.pay(order.payment_url)


def knock(notice: Sent) -> tuple[int, bytes]:
    """The notice comes through the door; status and body of the answer."""
    body, headers = notice
    try:
        answer = Client().post(DOOR, body, content_type=headers["content-type"])
        return answer.status_code, answer.content
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def refused(notice: Sent) -> str:
    """The notice moves nothing; how it was answered, the fate it got, and the reason."""
    before = moved()
    status, body = knock(notice)
    assert moved() == before
    kept = Notice.objects.get()
    return f"answered {status} {body.decode()}, kept as {kept.fate} ({kept.reason}); nothing moved"


def settled(server: AlipayServer, case: Case) -> None:
    """The true notice of the same payment brings the credits, once."""
    assert knock(server.notice(case[2])) == (200, b"success")
    assert credits_of(case[0]) == 1_100


def alarms() -> set[str]:
    return set(Alarm.objects.filter(closed_at=None).values_list("kind", flat=True))


def test_every_fault_has_its_test() -> None:
    assert {name.removeprefix("test_") for name in globals() if name.startswith("test_")} >= set(FAULTS)


@pytest.mark.parametrize("key", ["forger", "merchant"])
def test_wrong_signature(server: AlipayServer, paid: Case, key: str) -> None:
    seen = refused(server.notice(paid[2], key=key))
    assert seen == "answered 400 failure, kept as unproven (The signature does not match.); nothing moved"
    assert alarms() == {"forged_notice"}
    settled(server, paid)
    told("alipay", "wrong_signature", f"by the {key}'s key: {seen}; an alarm; the true notice then paid 1,100 credits")


@pytest.mark.parametrize(("age_s", "words"), [(26 * 3600 + 5, "26 h old"), (-605, "10 minutes ahead")])
def test_stale_timestamp(server: AlipayServer, paid: Case, age_s: int, words: str) -> None:
    seen = refused(server.notice(paid[2], age_s=age_s))
    assert seen.startswith("answered 400 failure, kept as unproven")
    settled(server, paid)
    told("alipay", "stale_timestamp", f"{words}: {seen}; the fresh notice then paid 1,100 credits")


def test_the_last_repeat_of_alipays_schedule_pays(server: AlipayServer, paid: Case) -> None:
    assert knock(server.notice(paid[2], age_s=24 * 3600 + 24 * 60)) == (200, b"success")
    assert credits_of(paid[0]) == 1_100


def test_replay(server: AlipayServer, paid: Case) -> None:
    notice = server.notice(paid[2])
    assert {knock(notice) for _ in range(5)} == {(200, b"success")}
    before = moved()
    paid[2]["trade_status"] = "TRADE_FINISHED"
    assert knock(server.notice(paid[2])) == (200, b"success")
    assert (moved(), credits_of(paid[0])) == (before, 1_100)
    assert list(Notice.objects.order_by("pk").values_list("fate", "deliveries")) == [("fulfilled", 5), ("superseded", 1)]
    told("alipay", "replay", "five deliveries: one row counted 5, credited 1,100 once; TRADE_FINISHED after it is superseded")


def _genuine_but_other(server: AlipayServer, case: Case, reason: str, alarm: str, **changes: Any) -> str:
    seen = refused(server.notice(case[2], **changes))
    assert seen == f"answered 200 success, kept as refused ({reason}); nothing moved"
    assert alarms() == {alarm}
    settled(server, case)
    return f"{seen}; an alarm; the true notice then paid 1,100 credits"


@pytest.mark.parametrize("amount", ["0.01", "99.99", "10000.00"])
def test_wrong_amount(server: AlipayServer, paid: Case, amount: str) -> None:
    seen = _genuine_but_other(server, paid, "another amount", "wrong_amount", total_amount=amount)
    told("alipay", "wrong_amount", f"{amount}: {seen}")


def test_wrong_currency(server: AlipayServer, paid: Case) -> None:
    told("alipay", "wrong_currency", _genuine_but_other(server, paid, "another currency", "wrong_currency", trans_currency="USD"))


def test_wrong_order(server: AlipayServer, paid: Case) -> None:
    told("alipay", "wrong_order", _genuine_but_other(server, paid, "unknown order", "wrong_order", out_trade_no=uuid4().hex))


@pytest.mark.parametrize("number", ["", "SHOP-7", "' OR 1=1 --", "\x00", "0" * 400])
def test_a_trade_that_is_not_ours_moves_nothing(server: AlipayServer, paid: Case, number: str) -> None:
    before = moved()
    assert knock(server.notice(paid[2], out_trade_no=number)) == (200, b"success")
    assert (moved(), fates(), alarms()) == (before, ["ignored"], set())


@pytest.mark.parametrize("sign", [{"app_id": "2021004100000099"}, {"seller_id": "2088441000000099"}], ids=["app", "seller"])
def test_wrong_merchant(server: AlipayServer, paid: Case, sign: dict[str, Any]) -> None:
    seen = refused(server.notice(paid[2], **sign))
    assert seen.startswith("answered 400 failure, kept as unproven (The notice is for another")
    assert alarms() == {"wrong_merchant"}
    settled(server, paid)
    told("alipay", "wrong_merchant", f"{next(iter(sign))} not ours: {seen}; an alarm; the true notice then paid 1,100 credits")


def test_another_channels_order_is_not_paid_by_alipay(server: AlipayServer, paid: Case) -> None:
    Order.objects.filter(pk=paid[1].pk).update(channel="wechat")
    seen = refused(server.notice(paid[2]))
    assert seen == "answered 200 success, kept as refused (another channel); nothing moved"


def test_out_of_order(server: AlipayServer, paid: Case, clock: Any) -> None:
    user, order, trade = paid
    payment = server.notice(trade)
    closed = server.notice({**trade, "trade_status": "TRADE_CLOSED"}, gmt_payment=None)
    trade["refunds"]["console-1"] = 10_000
    trade["trade_status"] = "TRADE_CLOSED"
    refund = server.refund_notice(trade, "console-1")
    for notice in (refund, closed, payment, server.refund_notice(trade, "console-1")):
        assert knock(notice) == (200, b"success")
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, credits_of(user)) == ("refunded", 10_000, 0)
    assert knock(server.refund_notice(trade, "console-1")) == (200, b"success")
    assert Refund.objects.count() == 1
    told("alipay", "out_of_order", "refund, closing, payment, refund twice again: paid once, refunded once, no credits left")


def test_lost(server: AlipayServer, paid: Case, clock: Any) -> None:
    user, order, _ = paid
    clock.advance(minutes=4)
    server.trouble = ["20000"]
    with pytest.raises(PaymentUnavailable):
        order_ask(order=order, at=kernel_clock.now())
    assert credits_of(user) == 0
    assert order_ask(order=order, at=kernel_clock.now()) == "succeeded"
    assert (credits_of(user), fates()) == (1_100, [])
    told("alipay", "lost", "no notice ever came: asked, silence moved nothing; asked again, the trade paid 1,100 credits")


def test_duplicated_20_at_once(committed_db: Any, server: AlipayServer, user_factory: Any, buy: Buy) -> None:
    user, order, trade = _paid(server, user_factory, buy)
    notice = server.notice(trade)
    assert at_once(lambda _: knock(notice)) == [(200, b"success")] * 20
    assert (credits_of(user), Notice.objects.get().deliveries, fates()) == (1_100, 20, ["fulfilled"])
    assert at_once(lambda _: knock(server.notice(trade))) == [(200, b"success")] * 20
    order.refresh_from_db()
    assert (order.status, credits_of(user), sorted(set(fates()))) == ("succeeded", 1_100, ["fulfilled", "superseded"])
    told("alipay", "duplicated_20_at_once", "20 deliveries and 20 twins at once, all answered success: credited 1,100 once")


def test_before_our_own_answer(
    committed_db: Any, server: AlipayServer, user_factory: Any, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_factory(bonus=0)
    seen: list[Any] = []

    def pay_at_once(order: Order, checkout: Any, at: dt.datetime) -> Order:
        trade = server.pay(checkout.payment_url)
        _aside(lambda: seen.append(knock(server.notice(trade))))
        return written(order, checkout, at)

    written = _patch_writing(monkeypatch, pay_at_once)
    order = buy(user, channel="alipay")
    assert (seen, order.status, bool(order.charge_id), bool(order.payment_url)) == ([(200, b"success")], "succeeded", True, True)
    assert (order.external_id, credits_of(user)) == (order.uuid.hex, 1_100)
    told("alipay", "before_our_own_answer", "the payer paid before the address was written down: paid, and our own writing kept it so")


def _patch_writing(monkeypatch: pytest.MonkeyPatch, instead: Callable[..., Order]) -> Callable[..., Order]:
    """Between the signed address and its row lies nothing but our own writing: Alipay itself is never asked."""
    from payments.services import order as service

    written: Callable[..., Order] = service._with_checkout
    monkeypatch.setattr(service, "_with_checkout", instead)
    return written


def _aside(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


# what follows from the faults: ends, refunds


@pytest.mark.parametrize("method", ["page", "wap", "app"])
def test_every_method_is_paid(db: None, server: AlipayServer, user_factory: Any, buy: Buy, method: str) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel="alipay", method=method)
    trade = server.pay(order.pay_params.get("order_string") or order.payment_url)
    assert knock(server.notice(trade)) == (200, b"success")
    assert credits_of(user) == 1_100


def test_an_order_that_nobody_began_expires_and_its_late_money_is_honoured(
    db: None, server: AlipayServer, user_factory: Any, buy: Buy, clock: Any
) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel="alipay")
    clock.advance(hours=3)
    assert order_expire_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert order.status == "expired"
    assert knock(server.notice(server.pay(order.payment_url))) == (200, b"success")
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_a_cancelled_order_is_closed_at_alipay(db: None, server: AlipayServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(), channel="alipay")
    trade = server.arrive(order.payment_url)
    assert order_cancel(order=order, reason="asked by the buyer", at=kernel_clock.now()) == "cancelled"
    assert trade["trade_status"] == "TRADE_CLOSED"


def test_money_that_went_back_at_the_console_unheard_brings_no_credits(server: AlipayServer, paid: Case, clock: Any) -> None:
    user, order, trade = paid
    trade["refunds"]["console-1"], trade["trade_status"] = 10_000, "TRADE_CLOSED"
    clock.advance(hours=3)
    order_expire_due(at=kernel_clock.now())
    order.refresh_from_db()
    assert (order.status, credits_of(user), Posting.objects.filter(account="cash:alipay").count()) == ("expired", 0, 0)
    assert "refunded in full" in order.failure


@pytest.mark.parametrize("trouble", ["20000", "ACQ.SYSTEM_ERROR", "silence", "forged"])
def test_a_refund_whose_answer_was_lost_is_found_and_leaves_once(
    server: AlipayServer, paid: Case, user_factory: Any, clock: Any, trouble: str
) -> None:
    _, order, trade = paid
    settled(server, paid)
    refund = _refund(order, user_factory, 4_000)
    server.trouble = [trouble]
    assert refund_send(refund_id=refund.pk, at=kernel_clock.now()).status == "sending"
    clock.advance(minutes=11)
    assert refund_ask_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, trade["refunds"]) == ("partial_refunded", 4_000, {refund.uuid.hex: 4_000})
    before = moved()
    assert knock(server.refund_notice(trade, refund.uuid.hex)) == (200, b"success")
    assert (moved(), alarms()) == (before, set())


def test_two_refunds_and_their_notices_are_told_apart_by_the_total(server: AlipayServer, paid: Case, user_factory: Any) -> None:
    user, order, trade = paid
    settled(server, paid)
    for cents in (4_000, 6_000):
        refund = refund_send(refund_id=_refund(order, user_factory, cents).pk, at=kernel_clock.now())
        assert refund.status == "succeeded"
        assert knock(server.refund_notice(trade, refund.uuid.hex)) == (200, b"success")
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, credits_of(user), Refund.objects.count()) == ("refunded", 10_000, 0, 2)
    assert (alarms(), fates(kind="trade_status_sync.refund")) == (set(), ["superseded"] * 2)


def _refund(order: Order, user_factory: Any, cents: int) -> Refund:
    how: Any = {"amount_cents": cents, "reason": "asked for", "idempotency_key": str(uuid4()), "at": kernel_clock.now()}
    return refund_create(order_id=order.pk, operator=user_factory(is_staff=True), **how)


def test_an_unconfigured_channel_refuses_every_notice(server: AlipayServer, paid: Case, settings: Any) -> None:
    notice = server.notice(paid[2])
    settings.ALIPAY_PRIVATE_KEY = ""
    before = moved()
    assert knock(notice) == (403, b"failure")
    assert (moved(), fates()) == (before, ["unproven"])


def test_an_order_in_another_currency_is_not_taken(db: None, server: AlipayServer, user_factory: Any, buy: Buy) -> None:
    terms = replace(terms_of_product(contract="video", slug="standard"), currency="USD", amount_cents=1_500)
    with pytest.raises(PaymentFailed, match="Alipay does not take this order"):
        order_create(user_id=user_factory().pk, terms=terms, channel="alipay", at=kernel_clock.now())


# payouts


@pytest.fixture
def payable(db: None, server: AlipayServer, user_factory: Any, buy: Buy, clock: Any) -> tuple[Any, Withdrawal]:
    """A creator, whose withdrawal of 100.00 CNY to their Alipay account is approved."""
    payer, creator = user_factory(bonus=0), user_factory(bonus=0)
    for _ in range(3):
        knock(server.notice(server.pay(buy(payer, channel="alipay").payment_url)))
    transfer(from_user_id=payer.pk, to_user_id=creator.pk, key="tip", kind="tip", ref="work:1", amount=2_500, at=kernel_clock.now())
    clock.advance(days=8)
    mature(at=kernel_clock.now())
    how: Any = {"amount_cents": 10_000, "method": "alipay", "account": {"account": "user@example.com", "name": "张三"}}
    applied = withdrawal_apply(user_id=creator.pk, idempotency_key="one", at=kernel_clock.now(), **how)
    operator = user_factory(is_staff=True)
    return operator, withdrawal_approve(withdrawal_id=applied.pk, operator=operator, reason="known", at=kernel_clock.now())


Payable = tuple[Any, Withdrawal]


def _sent(payable: Payable) -> Payout:
    return withdrawal_pay(withdrawal_id=payable[1].pk, operator=payable[0], at=kernel_clock.now())


def _status(payable: Payable) -> tuple[str, int]:
    """Where the withdrawal is, and the CNY cents that payouts have taken."""
    payable[1].refresh_from_db()
    return payable[1].status, sum(Posting.objects.filter(account="payouts", unit="cny").values_list("amount", flat=True))


@pytest.mark.parametrize(("status", "end"), [("SUCCESS", ("paid", 10_000)), ("FAIL", ("approved", 0))])
def test_a_payout_under_way_ends_by_its_message(server: AlipayServer, payable: Payable, status: str, end: tuple[str, int]) -> None:
    server.transfer_status = "DEALING"
    payout = _sent(payable)
    assert _status(payable) == ("sending", 0)
    message = server.transfer_message(payout.uuid.hex, status)
    assert knock(message) == knock(message) == (200, b"success")
    assert _status(payable) == end
    assert fates(kind="alipay.fund.trans.order.changed") == ["recorded"]


@pytest.mark.parametrize("trouble", ["20000", "SYSTEM_ERROR", "silence", "unsigned", "forged"])
def test_a_payout_whose_answer_was_lost_is_quarantined_looked_up_and_leaves_once(
    server: AlipayServer, payable: Payable, trouble: str, clock: Any
) -> None:
    server.trouble = [trouble]
    payout = _sent(payable)
    assert _status(payable) == ("unknown", 0)
    assert "payout_unknown" in alarms()
    clock.advance(minutes=3)
    assert payout_look_up(payout_id=payout.pk, at=kernel_clock.now()).state == "paid"
    assert _status(payable) == ("paid", 10_000)
    assert list(server.transfers) == [payout.uuid.hex]


def test_a_payee_whom_alipay_refuses_costs_nothing(server: AlipayServer, payable: Payable) -> None:
    server.payees = {}
    payout = _sent(payable)
    assert (payout.state, payout.failure) == ("refused", "There is no such Alipay account.")
    assert _status(payable) == ("approved", 0)


@pytest.mark.parametrize("changes", [{"key": "forger"}, {"app_id": "2021004100000099"}])
def test_a_forged_message_pays_no_withdrawal(server: AlipayServer, payable: Payable, changes: dict[str, Any]) -> None:
    server.transfer_status = "DEALING"
    payout = _sent(payable)
    assert knock(server.transfer_message(payout.uuid.hex, "SUCCESS", **changes)) == (400, b"failure")
    assert _status(payable) == ("sending", 0)
