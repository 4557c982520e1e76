"""What banks and time do in the sandbox after the payer: each channel tells of it in its own words, and the books follow."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from accounts.services.user import user_create
from config.kernel import clock as kernel_clock
from credits.models import Wallet
from payments.exceptions import PaymentNotFound, SandboxDecided
from payments.gateways.base import PayoutOutcome, PayoutRequest, RefundOutcome, RefundRequest, Rejected, StatementLine, Unknown
from payments.gateways.sandbox import SandboxGateway
from payments.models import Difference, Dispute, Notice, Order, Refund, SandboxPayment, SandboxRefund, SandboxTransfer
from payments.services.refund import refund_create
from payments.services.refund_send import refund_send
from payments.services.sandbox import sandbox_pay
from payments.services.sandbox_bank import sandbox_refund_end, sandbox_refund_end_due, sandbox_transfer_end
from payments.services.statement import statement_compare
from tests.payments.conftest import Buy, credits_of, fates, moved

pytestmark = pytest.mark.django_db
CHANNELS = ["stripe", "wechat", "alipay", "sandbox"]


@pytest.fixture(params=CHANNELS)
def paid(request: Any, demo: None, user_factory: Any, buy: Buy) -> tuple[Any, Order]:
    """A buyer and their paid order, of each channel."""
    return _paid(user_factory, buy, request.param)


def _paid(user_factory: Any, buy: Buy, channel: str) -> tuple[Any, Order]:
    user = user_factory(bonus=0)
    order = buy(user, channel=channel)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    order.refresh_from_db()
    return user, order


def refunded(order: Order, cents: int = 10_000) -> Refund:
    """An operator sends money back."""
    operator = user_create(username=f"operator-{uuid4().hex[:8]}", is_staff=True)
    how: Any = {"amount_cents": cents, "reason": "asked for", "idempotency_key": str(uuid4()), "at": kernel_clock.now()}
    return refund_send(refund_id=refund_create(order_id=order.pk, operator=operator, **how).pk, at=kernel_clock.now())


def request_of(order: Order, cents: int, number: UUID | None = None) -> RefundRequest:
    numbers = number or uuid4(), order.uuid, order.external_id, order.charge_id
    return RefundRequest(*numbers, cents, order.amount_cents, order.currency)


def post(path: str, outcome: Any) -> Any:
    return Client().post(path, json.dumps({"outcome": outcome}), content_type="application/json")


def test_a_refund_goes_back_and_the_channel_tells_of_it(paid: tuple[Any, Order]) -> None:
    user, order = paid
    refund = refunded(order)
    assert refund.status == ("processing" if order.channel == "wechat" else "succeeded")
    assert sandbox_refund_end_due(at=kernel_clock.now()) == (1 if order.channel == "wechat" else 0)
    sandbox_refund_end(payment_id=order.uuid, outcome="succeeded", at=kernel_clock.now())
    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.status, order.status, credits_of(user)) == ("succeeded", "refunded", 0)
    assert not Notice.objects.filter(fate__in=["refused", "received", "ignored"]).exists()
    assert Notice.objects.filter(source=order.channel).count() >= 2


def test_a_refund_that_fails_gives_the_credits_back(paid: tuple[Any, Order]) -> None:
    user, order = paid
    refund = refunded(order)
    answer = post(f"/sandbox/refund/{order.number}", "failed")
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.status, order.status, credits_of(user)) == ("failed", "succeeded", 1_100)
    before = moved()
    assert post(f"/sandbox/refund/{order.uuid}", "failed").status_code == 200
    assert post(f"/sandbox/refund/{order.uuid}", "succeeded").status_code == 409
    assert moved() == before


@pytest.mark.parametrize("channel", CHANNELS)
def test_two_parts_are_one_whole_and_nothing_is_refunded_twice(demo: None, user_factory: Any, buy: Buy, channel: str) -> None:
    user, order = _paid(user_factory, buy, channel)
    for cents in (4_000, 6_000):
        refunded(order, cents)
        sandbox_refund_end(payment_id=order.uuid, outcome="succeeded", at=kernel_clock.now())
    order.refresh_from_db()
    assert (order.status, order.refunded_cents, Refund.objects.count(), credits_of(user)) == ("refunded", 10_000, 2, 0)


def test_the_sandbox_gives_back_at_most_what_was_paid(demo: None, user_factory: Any, buy: Buy) -> None:
    _, order = _paid(user_factory, buy, "stripe")
    gateway, number = SandboxGateway.configured(), uuid4()
    first = gateway.refund(request_of(order, 6_000, number))
    assert gateway.refund(request_of(order, 6_000, number)) == first
    for cents in (4_001, 0, -1):
        with pytest.raises(Rejected):
            gateway.refund(request_of(order, cents))
    with pytest.raises(Rejected):
        gateway.refund(request_of(order, 5_999, number))
    unpaid = buy(user_factory())
    with pytest.raises(Rejected):
        gateway.refund(request_of(unpaid, 1))
    assert gateway.refund_query(request_of(order, 1)).outcome == RefundOutcome.NONE
    assert list(SandboxRefund.objects.values_list("amount_cents", flat=True)) == [6_000]


def test_a_dispute_freezes_and_a_won_one_restores(paid: tuple[Any, Order]) -> None:
    user, order = paid
    answer = post(f"/sandbox/dispute/{order.uuid}", "opened")
    assert (answer.status_code, answer.json()) == (200, {"payment_id": str(order.uuid), "dispute": "opened"})
    dispute = Dispute.objects.get(order=order)
    assert (dispute.status, dispute.is_money_gone, Wallet.objects.get(pk=user.pk).disputes, credits_of(user)) == ("open", True, 1, 0)
    assert post(f"/sandbox/dispute/{order.uuid}", "won").status_code == 200
    dispute.refresh_from_db()
    assert (dispute.status, dispute.is_money_gone, Wallet.objects.get(pk=user.pk).disputes, credits_of(user)) == ("won", False, 0, 1_100)
    assert "refused" not in fates()
    assert Notice.objects.filter(kind__contains="dispute", source="stripe" if order.channel == "stripe" else "sandbox").count() >= 2


def test_a_lost_dispute_may_be_won_on_appeal(paid: tuple[Any, Order]) -> None:
    user, order = paid
    for outcome, status, credits in (("opened", "open", 0), ("lost", "lost", 0), ("won", "won", 1_100)):
        assert post(f"/sandbox/dispute/{order.uuid}", outcome).status_code == 200
        assert (Dispute.objects.get(order=order).status, credits_of(user)) == (status, credits)


def test_a_dispute_goes_only_where_disputes_go(demo: None, user_factory: Any, buy: Buy) -> None:
    unpaid, (_, order) = buy(user_factory()), _paid(user_factory, buy, "stripe")
    before = moved()
    assert post(f"/sandbox/dispute/{unpaid.uuid}", "opened").status_code == 409
    assert post(f"/sandbox/dispute/{order.uuid}", "won").status_code == 409
    assert post(f"/sandbox/dispute/{order.uuid}", "lost").status_code == 409
    for outcome in ("", "OPENED", "paid", None, 1):
        assert post(f"/sandbox/dispute/{order.uuid}", outcome).status_code == 422
    assert (moved(), Dispute.objects.count()) == (before, 0)
    for outcome in ("opened", "won"):
        assert post(f"/sandbox/dispute/{order.uuid}", outcome).status_code == 200
    assert post(f"/sandbox/dispute/{order.uuid}", "opened").status_code == 409


def test_the_same_news_again_is_the_same_notice(paid: tuple[Any, Order]) -> None:
    _, order = paid
    post(f"/sandbox/dispute/{order.uuid}", "opened")
    before = moved(), Notice.objects.count()
    for _ in range(3):
        assert post(f"/sandbox/dispute/{order.uuid}", "opened").status_code == 200
    assert (moved(), Notice.objects.count()) == before


def test_the_page_offers_what_can_still_happen_and_its_forms_come_back(demo: None, user_factory: Any, buy: Buy) -> None:
    _, order = _paid(user_factory, buy, "wechat")
    page = f"/sandbox/pay/{order.uuid}"
    client = Client(enforce_csrf_checks=True)
    assert 'value="opened"' in client.get(page).content.decode()
    refund = refunded(order, 1_000)
    assert all(f'value="{outcome}"' in client.get(page).content.decode() for outcome in ("succeeded", "failed"))
    answer = client.post(f"/sandbox/refund/{order.uuid}", {"outcome": "succeeded"})
    assert (answer.status_code, answer["Location"]) == (303, page)
    refund.refresh_from_db()
    assert refund.status == "succeeded"
    client.post(f"/sandbox/dispute/{order.uuid}", {"outcome": "opened"})
    assert all(f'value="{outcome}"' in client.get(page).content.decode() for outcome in ("won", "lost"))


def test_a_day_of_the_sandbox_has_its_payments_and_its_refunds(demo: None, user_factory: Any, buy: Buy, clock: Any) -> None:
    _, order = _paid(user_factory, buy, "wechat")
    refund = refunded(order, 1_000)
    lost = refunded_failed(order)
    gateway, today = SandboxGateway.configured(), kernel_clock.day_of(kernel_clock.now())
    assert gateway.statement(today) == [
        StatementLine("payment", order.uuid.hex, order.charge_id, 10_000, "CNY"),
        StatementLine("refund", refund.uuid.hex, f"re_{refund.uuid.hex}", 1_000, "CNY"),
    ]
    assert lost.hex not in {line.number for line in gateway.statement(today)}
    clock.advance(days=1)
    assert gateway.statement(kernel_clock.day_of(kernel_clock.now())) == []


def test_our_day_is_the_sandboxs_day(paid: tuple[Any, Order]) -> None:
    refunded(paid[1], 1_000)
    sandbox_refund_end_due(at=kernel_clock.now())
    now = kernel_clock.now()
    statement = statement_compare(channel="sandbox", day=kernel_clock.day_of(now), at=now)
    assert (statement.lines, statement.gateway_cents, statement.our_cents) == (2, 9_000, 9_000)
    assert not Difference.objects.exists()


def refunded_failed(order: Order) -> UUID:
    """A refund that failed at the sandbox."""
    number = uuid4()
    SandboxRefund.objects.create(id=number, payment_id=order.uuid, amount_cents=1, state="failed", created_at=kernel_clock.now())
    return number


def payout_of(**account: str) -> PayoutRequest:
    return PayoutRequest(uuid4(), 5_000, account, "Atelier withdrawal 1", kernel_clock.now())


def test_alipay_pays_at_once_and_wechat_waits_for_the_payee(demo: None, db: None) -> None:
    gateway = SandboxGateway.configured()
    at_once = payout_of(account="creator@example.com", name="张三")
    assert gateway.payout(at_once) == gateway.payout(at_once) == gateway.payout_query(at_once)
    assert gateway.payout(at_once).outcome == PayoutOutcome.PAID
    waiting = payout_of(openid="openid_of_payee")
    standing = gateway.payout(waiting)
    assert (standing.outcome, standing.amount_cents) == (PayoutOutcome.CONFIRMING, 5_000)
    assert set(standing.confirm_params) == {"mchId", "appId", "package", "confirm_url"}
    assert standing.confirm_params["confirm_url"].endswith(f"/sandbox/transfer/{waiting.payout_uuid}")
    assert "creator@example.com" not in str(list(SandboxTransfer.objects.values_list("account_shown", flat=True)))


def test_bad_accounts_are_refused_and_lost_answers_are_found(demo: None, db: None) -> None:
    gateway = SandboxGateway.configured()
    assert gateway.payout(payout_of(account="bad@example.com", name="张三")).outcome == PayoutOutcome.REFUSED
    request = payout_of(account="lost@example.com", name="张三")
    with pytest.raises(Unknown):
        gateway.payout(request)
    assert gateway.payout_query(request).outcome == gateway.payout(request).outcome == PayoutOutcome.PAID
    assert gateway.payout_query(payout_of(account="never@example.com")).outcome == PayoutOutcome.NONE
    assert SandboxTransfer.objects.count() == 2


@pytest.mark.parametrize(
    ("account", "outcomes", "source"),
    [
        ({"openid": "openid_of_payee"}, ["paid", "returned"], "wechat"),
        ({"openid": "openid_of_payee"}, ["refused"], "wechat"),
        ({"account": "creator@example.com"}, ["returned"], "alipay"),
    ],
)
def test_what_becomes_of_a_payout_is_told_in_its_channels_words(
    demo: None, db: None, account: dict[str, str], outcomes: list[str], source: str
) -> None:
    request = payout_of(**account)
    SandboxGateway.configured().payout(request)
    page = f"/sandbox/transfer/{request.payout_uuid}"
    for outcome in outcomes:
        assert f'value="{outcome}"' in Client().get(page).content.decode()
        assert post(page, outcome).json() == {"transfer_id": str(request.payout_uuid), "status": outcome}
    assert Notice.objects.order_by("pk").values_list("source", flat=True).first() == source
    assert Notice.objects.count() == len(outcomes)
    assert Client().post(page, {"outcome": outcomes[-1]}).status_code == 303
    wrong = "refused" if outcomes[-1] != "refused" else "paid"
    assert post(page, wrong).status_code == 409
    assert post(page, "confirmed").status_code == 422


def test_outside_demo_mode_no_bank_can_be_played(demo: None, user_factory: Any, buy: Buy, settings: Any) -> None:
    _, order = _paid(user_factory, buy, "wechat")
    refunded(order, 1_000)
    request = payout_of(openid="openid_of_payee")
    SandboxGateway.configured().payout(request)
    settings.DEMO = False
    before = moved()
    for path, outcome in (("dispute", "opened"), ("refund", "failed")):
        assert post(f"/sandbox/{path}/{order.uuid}", outcome).status_code == 404
    assert post(f"/sandbox/transfer/{request.payout_uuid}", "paid").status_code == 404
    assert sandbox_refund_end_due(at=kernel_clock.now()) == 0
    with pytest.raises(PaymentNotFound):
        sandbox_transfer_end(transfer_id=request.payout_uuid, outcome="paid", at=kernel_clock.now())
    assert moved() == before
    assert (SandboxPayment.objects.get().dispute, SandboxRefund.objects.get().state) == ("", "processing")


def test_a_payment_without_a_refund_has_none_to_fail(demo: None, user_factory: Any, buy: Buy) -> None:
    _, order = _paid(user_factory, buy, "stripe")
    with pytest.raises(PaymentNotFound):
        sandbox_refund_end(payment_id=order.uuid, outcome="failed", at=kernel_clock.now())
    refunded(order, 1_000)
    sandbox_refund_end(payment_id=order.uuid, outcome="failed", at=kernel_clock.now())
    with pytest.raises(SandboxDecided):
        sandbox_refund_end(payment_id=order.uuid, outcome="succeeded", at=kernel_clock.now())
