"""Every fault between WeChat Pay and us: the real adapter, the server next door, the inbox's door, the books after each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.services.user import user_create
from config.kernel import clock as kernel_clock
from credits.models import Wallet
from credits.services.wallet import mature, transfer
from payments.exceptions import PaymentUnavailable
from payments.gateways.registry import notice_gateway
from payments.models import Alarm, Notice, Order, Payout, Refund
from payments.services.expiry import order_cancel, order_expire_due
from payments.services.notice import notice_act_due
from payments.services.payout import payout_look_up, withdrawal_pay
from payments.services.reconcile import order_ask_due
from payments.services.refund_send import refund_ask_due
from payments.services.withdrawal import withdrawal_apply, withdrawal_approve
from tests.payments.conftest import Buy, credits_of, fates, moved
from tests.payments.faults import told
from tests.payments.refunding import buckets, refunded
from tests.payments.test_races import at_once
from tests.payments.wechat_server import Signed, WechatServer, key

GATEWAY = "wechat"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


@pytest.fixture
def wechat(production: None, settings: Any) -> Iterator[WechatServer]:
    """WeChat Pay next door, and a platform that is configured for it."""
    server = WechatServer()
    server.tell(settings)
    yield server
    server.close()


def knock(signed: Signed) -> int:
    """The notice at the inbox's door over HTTP; the status that WeChat Pay gets."""
    body, headers = signed
    return int(Client().post("/api/payments/webhook/wechat", body, content_type="application/json", headers=headers).status_code)


def bought(buy: Buy, user: Any, **more: Any) -> Order:
    return buy(user, channel="wechat", **more)


def settled(wechat: WechatServer, buy: Buy, user: Any) -> Order:
    """An order whose money came and was told of."""
    order = bought(buy, user)
    assert knock(wechat.paid(order.uuid.hex)) == 200
    order.refresh_from_db()
    assert order.status == "succeeded"
    return order


def alarms() -> list[str]:
    return sorted(Alarm.objects.filter(closed_at=None).values_list("kind", flat=True))


def state(order: Order) -> str:
    order.refresh_from_db()
    return str(order.status)


def refused(wechat: WechatServer, order: Order, signed: Signed, *, status: int) -> str:
    """The notice is answered with `status`, moves nothing, and does not stand in the way of the genuine one. Its reason."""
    before = moved()
    assert knock(signed) == status
    assert moved() == before
    notice = Notice.objects.order_by("-pk")[0]
    assert notice.fate == ("refused" if status == 200 else "unproven")
    assert knock(wechat.paid(order.uuid.hex)) == 200
    assert state(order) == "succeeded"
    return str(notice.reason)


@pytest.mark.django_db
class TestBelief:
    @pytest.mark.parametrize("method", ["native", "jsapi", "h5", "app"])
    def test_money_is_credited_once_whatever_the_way(self, wechat: WechatServer, user_factory: Any, buy: Buy, method: str) -> None:
        user = user_factory(bonus=0)
        more = {"jsapi": {"payer_id": OPENID}, "h5": {"payer_address": "203.0.113.7"}}.get(method, {})
        order = bought(buy, user, method=method, **more)
        assert order.has_checkout
        assert knock(wechat.paid(order.uuid.hex)) == 200
        assert (state(order), credits_of(user)) == ("succeeded", 1_100)
        assert order.charge_id == wechat.orders[order.uuid.hex]["transaction_id"]

    def test_wrong_signature(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        reason = refused(wechat, order, wechat.paid(order.uuid.hex, signer=key("stranger")), status=400)
        assert (alarms(), credits_of(user)) == (["forged_notice"], 1_100)
        told(GATEWAY, "wrong_signature", f"400 FAIL, nothing moved, alarm forged_notice ({reason}); the genuine notice then paid")

    def test_a_changed_body_under_a_genuine_signature(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        order = bought(buy, user_factory(bonus=0))
        body, headers = wechat.paid(order.uuid.hex)
        refused(wechat, order, (body.replace(b"TRANSACTION", b"TRANSACTI0N"), headers), status=400)
        assert alarms() == ["forged_notice"]

    def test_probes_and_unknown_serials_are_no_reason_for_alarm(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        order = bought(buy, user_factory(bonus=0))
        wechat.pay(order.uuid.hex)
        before, asked = moved(), len(wechat.requests)
        assert knock(wechat.paid(order.uuid.hex, is_probe=True)) == 400
        assert knock(wechat.paid(order.uuid.hex, serial="PUB_KEY_ID_0000000000")) == 400
        assert (moved(), alarms(), fates(), len(wechat.requests)) == (before, [], ["unproven"] * 2, asked)

    def test_stale_timestamp(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        reason = refused(wechat, order, wechat.paid(order.uuid.hex, age_s=301), status=400)
        assert (alarms(), credits_of(user)) == ([], 1_100)
        told(GATEWAY, "stale_timestamp", f"400 FAIL, nothing moved ({reason}); WeChat Pay's next try, signed anew, paid")

    def test_replay(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        notice = wechat.paid(order.uuid.hex, notice_id="EV-1")
        assert knock(notice) == 200
        after = moved()
        assert [knock(notice), knock(wechat.paid(order.uuid.hex, notice_id="EV-1")), knock(wechat.paid(order.uuid.hex))] == [200] * 3
        assert (moved(), credits_of(user), fates()) == (after, 1_100, ["fulfilled", "superseded"])
        assert Notice.objects.get(external_id="EV-1").deliveries == 3
        told(GATEWAY, "replay", "200 each time, credited once: the same notice only counted, another one of the same payment superseded")

    @pytest.mark.parametrize("total", [1, 9_999, 10_001, 10_000_000_000])
    def test_wrong_amount(self, wechat: WechatServer, user_factory: Any, buy: Buy, total: int) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        said = wechat.transaction(order.uuid.hex, amount={"total": total, "payer_total": total, "currency": "CNY"})
        assert refused(wechat, order, wechat.notice("TRANSACTION.SUCCESS", said), status=200) == "another amount"
        assert (alarms(), credits_of(user)) == (["wrong_amount"], 1_100)
        told(GATEWAY, "wrong_amount", f"{total} fen for an order of 10000: stored and refused, nothing moved, alarm wrong_amount")

    def test_wrong_currency(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        said = wechat.transaction(order.uuid.hex, amount={"total": 10_000, "currency": "JPY"})
        assert refused(wechat, order, wechat.notice("TRANSACTION.SUCCESS", said), status=200) == "another currency"
        assert (alarms(), credits_of(user)) == (["wrong_currency"], 1_100)
        told(GATEWAY, "wrong_currency", "10000 JPY for an order of 10000 fen: stored and refused, nothing moved, alarm wrong_currency")

    def test_wrong_order(self, wechat: WechatServer, user_factory: Any, buy: Buy, settings: Any) -> None:
        payer, other = user_factory(bonus=0), user_factory(bonus=0)
        order, dearer = bought(buy, payer), bought(buy, other)
        Order.objects.filter(pk=dearer.pk).update(amount_cents=20_000, value_cents=20_000)
        wechat.pay(order.uuid.hex)
        said = wechat.transaction(order.uuid.hex, out_trade_no=dearer.uuid.hex)
        assert refused(wechat, order, wechat.notice("TRANSACTION.SUCCESS", said), status=200) == "another amount"
        said = wechat.transaction(order.uuid.hex, out_trade_no="0" * 32)
        assert knock(wechat.notice("TRANSACTION.SUCCESS", said)) == 200
        assert Notice.objects.order_by("-pk")[0].reason == "unknown order"
        assert (state(dearer), credits_of(payer), credits_of(other)) == ("pending", 1_100, 0)
        assert alarms() == ["wrong_amount", "wrong_order"]
        told(
            GATEWAY,
            "wrong_order",
            "another user's order and an unknown number: stored and refused, nothing moved, alarmed; the payer's order paid",
        )

    def test_an_order_of_another_channel_is_never_paid_by_this_one(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order, elsewhere = bought(buy, user), bought(buy, user)
        Order.objects.filter(pk=elsewhere.pk).update(channel="alipay")
        assert knock(wechat.paid(elsewhere.uuid.hex)) == 200
        assert (state(elsewhere), fates(), alarms()) == ("pending", ["refused"], ["wrong_order"])
        assert knock(wechat.paid(order.uuid.hex)) == 200
        assert credits_of(user) == 1_100

    @pytest.mark.parametrize("lie", [{"mchid": "1900000000"}, {"appid": "wx9999999999999999"}])
    def test_wrong_merchant(self, wechat: WechatServer, user_factory: Any, buy: Buy, lie: dict[str, str]) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        said = wechat.transaction(order.uuid.hex, **lie)
        reason = refused(wechat, order, wechat.notice("TRANSACTION.SUCCESS", said), status=400)
        assert (alarms(), credits_of(user)) == (["wrong_merchant"], 1_100)
        told(GATEWAY, "wrong_merchant", f"another {next(iter(lie))}: 400 FAIL, nothing moved, alarm wrong_merchant ({reason})")


@pytest.mark.django_db
class TestOrderOfThings:
    def test_a_refund_told_before_its_payment_waits_for_it(self, wechat: WechatServer, user_factory: Any, buy: Buy, clock: Any) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        payment = wechat.paid(order.uuid.hex)
        wechat.refunds["console-1"] = {
            "asked": {"out_trade_no": order.uuid.hex, "amount": {"refund": 10_000, "total": 10_000}},
            "order": wechat.orders[order.uuid.hex],
            "state": "SUCCESS",
            "id": "5000000000000000000000000001",
        }
        assert knock(wechat.refund_ends("console-1")) == 200
        assert (fates(), credits_of(user)) == (["received"], 0)
        assert knock(payment) == 200
        assert (state(order), credits_of(user)) == ("succeeded", 1_100)
        clock.advance(minutes=2)
        assert notice_act_due(at=kernel_clock.now()) == 1
        assert (state(order), credits_of(user), fates()) == ("refunded", 0, ["recorded", "fulfilled"])
        told(GATEWAY, "out_of_order", "a refund of the console told before its payment waited, then took the credits back; nothing owed")

    def test_money_after_the_order_expired_is_honoured(self, wechat: WechatServer, user_factory: Any, buy: Buy, clock: Any) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        notice = wechat.paid(order.uuid.hex)
        wechat.orders[order.uuid.hex]["state"] = "NOTPAY"
        clock.advance(hours=3)
        assert order_expire_due(at=kernel_clock.now()) == 1
        assert (state(order), wechat.orders[order.uuid.hex]["state"]) == ("expired", "CLOSED")
        assert knock(notice) == 200
        assert (state(order), credits_of(user)) == ("succeeded", 1_100)
        told(GATEWAY, "out_of_order", "a payment told after its order had expired: honoured, credited once")

    def test_money_that_came_before_the_close_settles_the_order(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        real = wechat._close

        def paid_first(number: str, asked: dict[str, Any]) -> tuple[int, Any]:
            wechat.pay(number)
            return real(number, asked)

        wechat._close = paid_first  # type: ignore[method-assign]
        assert order_cancel(order=order, reason="asked by the buyer", at=kernel_clock.now()) == "succeeded"
        assert credits_of(user) == 1_100

    def test_a_cancelled_order_is_closed_and_takes_no_money(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        order = bought(buy, user_factory(bonus=0))
        assert order_cancel(order=order, reason="asked by the buyer", at=kernel_clock.now()) == "cancelled"
        assert wechat.orders[order.uuid.hex]["state"] == "CLOSED"


@pytest.mark.django_db
class TestLost:
    def test_a_notice_that_never_comes_is_asked_for(self, wechat: WechatServer, user_factory: Any, buy: Buy, clock: Any) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        wechat.pay(order.uuid.hex)
        clock.advance(minutes=4)
        wechat.plans = ["system_error"]
        assert (order_ask_due(at=kernel_clock.now()), state(order)) == (0, "pending")
        clock.advance(minutes=10)
        assert (order_ask_due(at=kernel_clock.now()), state(order)) == (1, "succeeded")
        assert credits_of(user) == 1_100
        assert knock(wechat.paid(order.uuid.hex)) == 200
        assert (fates(), credits_of(user)) == (["superseded"], 1_100)
        told(
            GATEWAY, "lost", "no notice: the order was asked about (after a SYSTEM_ERROR again) and settled; the late notice was superseded"
        )

    @pytest.mark.parametrize("plan", ["lost", "lost_before", "system_error", "system_error_done", "signtest", "page", "busy"])
    def test_an_order_whose_answer_is_lost_goes_on_under_its_key(
        self, wechat: WechatServer, user_factory: Any, buy: Buy, plan: str
    ) -> None:
        user = user_factory(bonus=0)
        wechat.plans = [plan]
        with pytest.raises(PaymentUnavailable):
            bought(buy, user, idempotency_key="k")
        order = bought(buy, user, idempotency_key="k")
        assert (order.status, bool(order.code_url), len(wechat.orders), Order.objects.filter(user=user).count()) == ("pending", True, 1, 1)
        assert knock(wechat.paid(order.uuid.hex)) == 200
        assert credits_of(user) == 1_100
        told(
            GATEWAY, "lost", f"our order's answer ({plan}): unavailable, then the same order under the same key, one order there, paid once"
        )

    @pytest.mark.parametrize("plan", ["lost", "system_error_done", "signtest", "page"])
    def test_a_refund_whose_answer_is_lost_is_made_once(
        self, wechat: WechatServer, user_factory: Any, buy: Buy, clock: Any, plan: str
    ) -> None:
        user, operator = user_factory(bonus=0), user_create(username="operator", is_staff=True)
        order = settled(wechat, buy, user)
        wechat.plans = [plan]
        refund = refunded(order, operator, 10_000)
        assert (refund.status, len(wechat.refunds)) == ("sending", 1)
        clock.advance(minutes=11)
        refund_ask_due(at=kernel_clock.now())
        refund.refresh_from_db()
        assert (refund.status, len(wechat.refunds)) == ("processing", 1)
        assert knock(wechat.refund_ends(refund.uuid.hex)) == 200
        assert (state(order), credits_of(user)) == ("refunded", 0)


@pytest.mark.django_db
class TestRefunds:
    def test_a_refund_is_done_when_wechat_says_so(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user, operator = user_factory(bonus=0), user_create(username="operator", is_staff=True)
        order = settled(wechat, buy, user)
        refund = refunded(order, operator, 4_000)
        assert (refund.status, state(order)) == ("processing", "succeeded")
        ending = wechat.refund_ends(refund.uuid.hex)
        assert [knock(ending), knock(ending)] == [200, 200]
        assert (state(order), order.refunded_cents) == ("partial_refunded", 4_000)

    def test_a_closed_refund_gives_the_credits_back(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user, operator = user_factory(bonus=0), user_create(username="operator", is_staff=True)
        order = settled(wechat, buy, user)
        had = buckets(user)
        refund = refunded(order, operator, 10_000)
        assert credits_of(user) == 0
        assert knock(wechat.refund_ends(refund.uuid.hex, "CLOSED")) == 200
        refund.refresh_from_db()
        assert (refund.status, buckets(user), state(order)) == ("failed", had, "succeeded")

    def test_an_abnormal_refund_waits_for_the_console_and_is_not_given_twice(
        self, wechat: WechatServer, user_factory: Any, buy: Buy
    ) -> None:
        user, operator = user_factory(bonus=0), user_create(username="operator", is_staff=True)
        order = settled(wechat, buy, user)
        refund = refunded(order, operator, 10_000)
        assert knock(wechat.refund_ends(refund.uuid.hex, "ABNORMAL")) == 200
        refund.refresh_from_db()
        assert (refund.status, credits_of(user)) == ("processing", 0)
        assert knock(wechat.refund_ends(refund.uuid.hex, "SUCCESS")) == 200
        assert (state(order), credits_of(user)) == ("refunded", 0)

    def test_a_refund_of_another_amount_moves_nothing(self, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user, operator = user_factory(bonus=0), user_create(username="operator", is_staff=True)
        refund = refunded(settled(wechat, buy, user), operator, 4_000)
        wechat.refund_ends(refund.uuid.hex)
        said = wechat.refund_said(refund.uuid.hex, is_notice=True)
        said["amount"]["refund"] = 1
        before = moved()
        assert knock(wechat.notice("REFUND.SUCCESS", said, original="refund")) == 200
        assert (moved(), Notice.objects.order_by("-pk")[0].fate) == (before, "refused")
        assert Refund.objects.get(pk=refund.pk).status == "processing"


@pytest.mark.django_db
class TestPayouts:
    @pytest.fixture
    def withdrawal_id(self, wechat: WechatServer, user_factory: Any, buy: Buy, clock: Any) -> int:
        """An approved withdrawal of 50.00 CNY to a WeChat account."""
        payer, creator = user_factory(bonus=0), user_factory("creator", bonus=0)
        for number in range(3):
            settled(wechat, lambda user, n=number, **more: buy(user, idempotency_key=f"o{n}", **more), payer)
        transfer(from_user_id=payer.pk, to_user_id=creator.pk, key="tip", kind="tip", ref="work:1", amount=3_000, at=kernel_clock.now())
        clock.advance(days=8)
        mature(at=kernel_clock.now())
        wanted = withdrawal_apply(
            user_id=creator.pk,
            amount_cents=10_000,
            method="wechat",
            account={"openid": OPENID, "name": "张三"},
            idempotency_key="w",
            at=kernel_clock.now(),
        )
        operator = user_create(username="first-operator", is_staff=True)
        withdrawal_approve(withdrawal_id=wanted.pk, operator=operator, reason="known", at=kernel_clock.now())
        return int(wanted.pk)

    def paid_out(self, withdrawal_id: int) -> Payout:
        operator = user_create(username="second-operator", is_staff=True)
        return withdrawal_pay(withdrawal_id=withdrawal_id, operator=operator, at=kernel_clock.now())

    def leaving(self) -> int:
        return int(Wallet.objects.get(user__username="creator").coins_leaving)

    def test_money_that_the_payee_confirms_has_left(self, wechat: WechatServer, withdrawal_id: int) -> None:
        payout = self.paid_out(withdrawal_id)
        assert (payout.state, payout.confirm_params["package"]) == ("confirming", f"pkg{payout.uuid.hex}==")
        ending = wechat.transfer_ends(payout.uuid.hex)
        assert [knock(ending), knock(ending)] == [200, 200]
        payout.refresh_from_db()
        assert (payout.state, payout.withdrawal.status, self.leaving()) == ("paid", "paid", 0)

    @pytest.mark.parametrize("plan", ["lost", "system_error_done", "signtest"])
    def test_a_lost_answer_is_looked_up_and_never_sent_under_another_number(
        self, wechat: WechatServer, withdrawal_id: int, plan: str
    ) -> None:
        wechat.plans = [plan]
        payout = self.paid_out(withdrawal_id)
        assert (payout.state, payout.withdrawal.status) == ("unknown", "unknown")
        assert self.leaving() > 0
        payout = payout_look_up(payout_id=payout.pk, at=kernel_clock.now())
        assert (payout.state, bool(payout.confirm_params), len(wechat.transfers)) == ("confirming", True, 1)
        wechat.transfer_ends(payout.uuid.hex)
        payout = payout_look_up(payout_id=payout.pk, at=kernel_clock.now())
        assert (payout.state, self.leaving()) == ("paid", 0)
        told(GATEWAY, "lost", f"a payout's answer ({plan}): quarantined, looked up, paid once")

    def test_a_payout_nobody_confirms_may_be_paid_another_way(self, wechat: WechatServer, withdrawal_id: int) -> None:
        payout = self.paid_out(withdrawal_id)
        assert knock(wechat.transfer_ends(payout.uuid.hex, "FAIL", "OVERDUE_CLOSE")) == 200
        payout.refresh_from_db()
        assert (payout.state, payout.withdrawal.status) == ("refused", "approved")
        assert "in time" in payout.failure
        assert self.leaving() > 0


class TestAtOnce:
    def test_duplicated_20_at_once(self, committed_db: Any, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        order = bought(buy, user)
        notice = wechat.paid(order.uuid.hex)
        notice_gateway("wechat")  # the adapter and the pages are imported once, not twenty times at once
        Client().get("/api/payments/webhook/wechat")
        assert at_once(lambda _: knock(notice)) == [200] * 20
        assert (credits_of(user), Notice.objects.get().deliveries, fates()) == (1_100, 20, ["fulfilled"])
        others = [wechat.paid(order.uuid.hex) for _ in range(20)]
        assert at_once(lambda number: knock(others[number])) == [200] * 20
        assert (credits_of(user), sorted(set(fates()))) == (1_100, ["fulfilled", "superseded"])
        told(GATEWAY, "duplicated_20_at_once", "20 threads at the door: 20 times 200, one notice counted 20 times, credited once")

    def test_before_our_own_answer(self, committed_db: Any, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        seen: list[int] = []

        def leave(signed: Signed) -> None:
            try:
                seen.append(knock(signed))
            finally:
                connection.close()

        def pay_at_once(number: str) -> None:
            thread = threading.Thread(target=leave, args=(wechat.paid(number),))
            thread.start()
            thread.join()

        wechat.before_answer = pay_at_once
        order = bought(buy, user, method="app")
        assert seen == [200]
        assert (order.status, order.has_checkout, credits_of(user)) == ("succeeded", True, 1_100)
        told(
            GATEWAY, "before_our_own_answer", "the payment was told before the order's answer: 200, succeeded, and its parameters were kept"
        )

    def test_twenty_payers_clicks_are_one_order_there(self, committed_db: Any, wechat: WechatServer, user_factory: Any, buy: Buy) -> None:
        user = user_factory(bonus=0)
        orders = at_once(lambda _: bought(buy, user, idempotency_key="k").pk)
        assert (len(set(orders)), len(wechat.orders)) == (1, 1)
