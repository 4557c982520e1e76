"""Refunds, disputes and the day's statement at Stripe, against the server next door and through the real client."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe

from accounts.services.user import user_create
from config.kernel import clock as kernel_clock
from payments.gateways.base import (
    CheckoutRequest,
    DisputeOutcome,
    DisputeStanding,
    OrderRef,
    RawNotice,
    RefundOutcome,
    RefundRequest,
    RefundStanding,
    Rejected,
    StatementLine,
    Temporary,
    Unknown,
    Unproven,
)
from payments.gateways.stripe import StripeGateway, calls, checks
from payments.models import Dispute, Order, Refund
from payments.services.refund import refund_create
from payments.services.refund_send import refund_send
from payments.states import NoticeFate
from tests.payments.conftest import Buy, credits_of, deliver
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> tuple[Any, Order]:
    """A buyer and their order, paid at Stripe and settled here."""
    user = user_factory(bonus=0)
    order = buy(user)
    deliver(*stripe_server.event("checkout.session.completed", stripe_server.pay(order.external_id)))
    order.refresh_from_db()
    return user, order


@pytest.fixture
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between retries."""
    monkeypatch.setattr(stripe.RequestsClient, "_sleep_time_seconds", lambda *_, **__: 0)


def request_of(order: Order, cents: int, number: UUID | None = None, *, charge_id: str | None = None) -> RefundRequest:
    charge = order.charge_id if charge_id is None else charge_id
    return RefundRequest(number or uuid4(), order.uuid, order.external_id, charge, cents, order.amount_cents, order.currency)


def told(server: StripeServer, kind: str, thing: dict[str, Any], **more: Any) -> Any:
    """What the adapter reads in a signed event."""
    body, headers = server.event(kind, thing, **more)
    return StripeGateway.configured().verify(RawNotice(body, headers)).subject


def test_a_refund_is_made_once_and_carries_our_numbers(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, gateway, number = paid[1], StripeGateway.configured(), uuid4()
    standing = gateway.refund(request_of(order, 4_000, number))
    assert (standing.outcome, standing.refund_uuid, standing.order_uuid) == (RefundOutcome.SUCCEEDED, number, order.uuid)
    assert (standing.amount_cents, standing.currency, standing.charge_id) == (4_000, "CNY", order.charge_id)
    assert gateway.refund(request_of(order, 4_000, number)) == gateway.refund_query(request_of(order, 4_000, number)) == standing
    stripe_server.forget_keys()
    assert gateway.refund(request_of(order, 4_000, number)) == standing
    assert [row["amount"] for row in stripe_server.refunds.values()] == [4_000]
    made = [headers for method, path, headers in stripe_server.requests if (method, path) == ("POST", "/v1/refunds")]
    assert [headers["Idempotency-Key"] for headers in made] == [f"refund:{number}"]


def test_a_refund_whose_answer_was_lost_is_found_and_not_made_twice(
    stripe_server: StripeServer, paid: tuple[Any, Order], swift: None
) -> None:
    order, gateway, number = paid[1], StripeGateway.configured(), uuid4()
    stripe_server.create_hangs_up = 3
    with pytest.raises(Unknown):
        gateway.refund(request_of(order, 4_000, number))
    assert len(stripe_server.refunds) == 1
    stripe_server.forget_keys()
    assert gateway.refund(request_of(order, 4_000, number)).outcome == RefundOutcome.SUCCEEDED
    assert len(stripe_server.refunds) == 1


def test_more_than_was_paid_is_refused(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, gateway = paid[1], StripeGateway.configured()
    gateway.refund(request_of(order, 6_000))
    for cents in (4_001, 10_000, 0):
        with pytest.raises(Rejected):
            gateway.refund(request_of(order, cents))
    gateway.refund(request_of(order, 4_000))
    with pytest.raises(Rejected):
        gateway.refund(request_of(order, 1))
    assert stripe_server.charges[f"ch_{order.external_id[8:]}"]["amount_refunded"] == 10_000


def test_a_refund_of_an_order_that_does_not_know_its_charge_asks_the_session(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, gateway = paid[1], StripeGateway.configured()
    assert gateway.refund(request_of(order, 100, charge_id="")).charge_id == order.charge_id


def test_an_unpaid_order_has_nothing_to_refund(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    with pytest.raises(Rejected):
        StripeGateway.configured().refund(request_of(order, 100))
    assert stripe_server.refunds == {}


def test_an_unknown_refund_is_none(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    assert StripeGateway.configured().refund_query(request_of(paid[1], 100)).outcome == RefundOutcome.NONE


def test_our_own_refund_is_found_among_many(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, gateway, number = paid[1], StripeGateway.configured(), uuid4()
    gateway.refund(request_of(order, 1, number))
    for _ in range(120):
        stripe_server.refund_at_console(order.charge_id, 1)
    assert gateway.refund_query(request_of(order, 1, number)).refund_uuid == number


@pytest.mark.parametrize(
    ("status", "kind"), [(429, Temporary), (401, Temporary), (403, Temporary), (500, Unknown), (503, Unknown), (409, Unknown)]
)
def test_what_is_unknown_is_not_called_refused(
    stripe_server: StripeServer, paid: tuple[Any, Order], swift: None, status: int, kind: type[Exception]
) -> None:
    stripe_server.turn_away_next = [status] * 3
    with pytest.raises(kind) as caught:
        StripeGateway.configured().refund(request_of(paid[1], 100))
    assert type(caught.value) is kind


def test_a_cut_connection_is_unknown(stripe_server: StripeServer, paid: tuple[Any, Order], swift: None) -> None:
    stripe_server.hang_up_next = 3
    with pytest.raises(Unknown):
        StripeGateway.configured().query(OrderRef(paid[1].uuid, paid[1].external_id))


def test_a_refund_that_fails_after_it_had_succeeded_gives_the_credits_back(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    user, order = paid
    operator = user_create(username="operator-of-refunds", is_staff=True)
    how: Any = {"amount_cents": 10_000, "reason": "asked for", "idempotency_key": "one", "at": kernel_clock.now()}
    refund = refund_send(refund_id=refund_create(order_id=order.pk, operator=operator, **how).pk, at=kernel_clock.now())
    assert (refund.status, credits_of(user)) == ("succeeded", 0)
    failed = stripe_server.refund_ends(refund.external_id, "failed")
    assert deliver(*stripe_server.event("refund.failed", failed)).fate == NoticeFate.RECORDED
    refund.refresh_from_db()
    assert (refund.status, credits_of(user)) == ("failed", 1_100)


def test_refund_events_say_whose_and_where_it_stands(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, number = paid[1], uuid4()
    stripe_server.refunds_begin = "pending"
    pending = StripeGateway.configured().refund(request_of(order, 2_500, number))
    assert pending.outcome == RefundOutcome.PROCESSING
    for status, outcome in (
        ("pending", "processing"),
        ("requires_action", "processing"),
        ("succeeded", "succeeded"),
        ("canceled", "failed"),
    ):
        thing = stripe_server.refunds[pending.external_id] | {"status": status}
        for kind in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
            standing = told(stripe_server, kind, thing)
            assert standing == RefundStanding(
                RefundOutcome(outcome), number, order.uuid, pending.external_id, order.charge_id, 2_500, "CNY"
            )


def test_a_refund_made_at_stripes_console_is_heard_once_whatever_the_order_of_its_events(
    stripe_server: StripeServer, paid: tuple[Any, Order]
) -> None:
    user, order = paid
    thing = stripe_server.refund_at_console(order.charge_id, 5_000)
    charge = dict(stripe_server.charges[f"ch_{order.external_id[8:]}"])
    standing = told(stripe_server, "charge.refunded", charge, before={"amount_refunded": 0})
    assert (standing.refund_uuid, standing.amount_cents, standing.refunded_total_cents) == (None, 5_000, 5_000)
    for kind, about in (
        ("charge.refunded", charge),
        ("refund.created", thing),
        ("refund.updated", thing),
        ("charge.refund.updated", thing),
    ):
        deliver(*stripe_server.event(kind, about, before={"amount_refunded": 0} if about is charge else None))
    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (order.status, order.refunded_cents, refund.origin, refund.external_id) == ("partial_refunded", 5_000, "gateway", thing["id"])
    assert credits_of(user) == 550


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("warning_needs_response", "warning"),
        ("warning_under_review", "warning"),
        ("warning_closed", "won"),
        ("needs_response", "open"),
        ("under_review", "open"),
        ("appeal_needs_response", "lost"),
        ("won", "won"),
        ("lost", "lost"),
        ("prevented", "won"),
        ("a_word_of_tomorrow", "open"),
    ],
)
def test_a_dispute_is_read_in_our_words(stripe_server: StripeServer, paid: tuple[Any, Order], status: str, outcome: str) -> None:
    order = paid[1]
    thing = stripe_server.dispute(f"ch_{order.external_id[8:]}") | {"status": status}
    standing = told(stripe_server, "charge.dispute.updated", thing)
    assert isinstance(standing, DisputeStanding)
    assert (standing.outcome, standing.charge_id, standing.order_uuid) == (DisputeOutcome(outcome), order.charge_id, None)
    assert (standing.amount_cents, standing.currency, standing.reason) == (10_000, "CNY", "fraudulent")
    assert standing.evidence_due_at == dt.datetime.fromtimestamp(thing["evidence_details"]["due_by"], dt.UTC)


def test_a_dispute_says_whether_the_money_is_gone(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order = paid[1]
    thing = stripe_server.dispute(f"ch_{order.external_id[8:]}", "warning_needs_response")
    assert told(stripe_server, "charge.dispute.created", thing).is_money_gone is None
    assert told(stripe_server, "charge.dispute.funds_withdrawn", thing).is_money_gone is True
    assert told(stripe_server, "charge.dispute.funds_reinstated", thing).is_money_gone is False
    gone = stripe_server.dispute_moves(thing["id"], "needs_response")
    assert told(stripe_server, "charge.dispute.updated", gone).is_money_gone is True
    assert told(stripe_server, "charge.dispute.closed", stripe_server.dispute_moves(thing["id"], "won")).is_money_gone is False


def test_a_disputes_order_is_read_from_its_intent_where_stripe_sends_it_along(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order = paid[1]
    thing = stripe_server.dispute(f"ch_{order.external_id[8:]}")
    thing["payment_intent"] = {"id": order.charge_id, "metadata": {"order": str(order.uuid)}}
    standing = told(stripe_server, "charge.dispute.created", thing)
    assert (standing.order_uuid, standing.charge_id) == (order.uuid, order.charge_id)


def test_a_dispute_takes_the_credits_and_a_won_one_gives_them_back(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    user, order = paid
    thing = stripe_server.dispute(f"ch_{order.external_id[8:]}")
    for kind in ("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"):
        deliver(*stripe_server.event(kind, thing))
    assert (Dispute.objects.get().status, credits_of(user)) == ("open", 0)
    won = stripe_server.dispute_moves(thing["id"], "won")
    for kind in ("charge.dispute.funds_reinstated", "charge.dispute.closed"):
        deliver(*stripe_server.event(kind, won))
    deliver(*stripe_server.event("charge.dispute.created", thing))
    assert (Dispute.objects.get().status, credits_of(user)) == ("won", 1_100)


def test_a_dispute_of_a_strangers_charge_is_none_of_our_business(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    thing = stripe_server.dispute(f"ch_{paid[1].external_id[8:]}") | {"payment_intent": "pi_of_another_shop"}
    assert deliver(*stripe_server.event("charge.dispute.created", thing)).fate == NoticeFate.IGNORED
    assert not Dispute.objects.exists()


def test_a_days_statement_names_our_orders_and_refunds_in_the_payers_money(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    order, gateway, number = paid[1], StripeGateway.configured(), uuid4()
    gateway.refund(request_of(order, 2_000, number))
    console = stripe_server.refund_at_console(order.charge_id, 500)
    stripe_server.refund_ends(console["id"], "failed")
    today = dt.datetime.fromtimestamp(stripe_server.ledger[0]["created"], dt.UTC).date()
    ours = next(row["id"] for row in stripe_server.refunds.values() if row["metadata"])
    assert sorted(gateway.statement(today), key=lambda line: -line.amount_cents) == [
        StatementLine("payment", order.uuid.hex, order.charge_id, 10_000, "CNY"),
        StatementLine("refund", number.hex, ours, 2_000, "CNY"),
        StatementLine("refund", "", console["id"], 500, "CNY"),
    ]
    assert gateway.statement(today - dt.timedelta(days=1)) == []


def test_a_long_day_is_read_to_its_end_and_no_further(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    day = dt.date(2026, 3, 1)
    midnight = int(dt.datetime(2026, 3, 1, tzinfo=dt.UTC).timestamp())
    source = {"id": "ch_x", "amount": 100, "currency": "jpy", "payment_intent": "pi_x", "metadata": {"order": "not one of ours"}}
    for number in range(250):
        row = {"id": f"txn_{number}", "type": "payment" if number % 2 else "charge", "amount": 5, "currency": "usd"}
        stripe_server.ledger.append(row | {"created": midnight + number * 300, "source": source})
    for name, kind, created in (("a", "charge", midnight - 1), ("b", "charge", midnight + 86_400), ("c", "stripe_fee", midnight)):
        stripe_server.ledger.append({"id": f"txn_{name}", "type": kind, "amount": 5, "created": created, "source": source})
    lines = StripeGateway.configured().statement(day)
    assert len(lines) == 250
    assert set(lines) == {StatementLine("payment", "", "pi_x", 100, "JPY")}


def test_a_silent_stripe_gives_no_statement(stripe_server: StripeServer, swift: None) -> None:
    stripe_server.turn_away_next = [500] * 3
    with pytest.raises(Temporary):
        StripeGateway.configured().statement(dt.date(2026, 3, 1))


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 1_500), ("USD", 1_500), ("KRW", 20_000)])
def test_amounts_are_the_currencys_smallest_unit(stripe_server: StripeServer, currency: str, amount: int) -> None:
    at = kernel_clock.now()
    request = CheckoutRequest(
        uuid4(), "stripe", "checkout", "x", amount, currency, "https://shop.example/", at, at + dt.timedelta(hours=24)
    )
    session = stripe_server.sessions[StripeGateway.configured().create(request).external_id]
    assert (session["amount_total"], session["currency"]) == (amount, currency.lower())


@pytest.mark.parametrize(
    ("key", "livemode", "is_proven"),
    [
        ("sk_live_1", True, True),
        ("sk_live_1", False, False),
        ("rk_live_1", False, False),
        ("sk_test_1", True, False),
        ("sk_test_1", False, True),
    ],
)
def test_only_events_of_our_keys_mode_are_believed(stripe_server: StripeServer, key: str, livemode: bool, is_proven: bool) -> None:
    gateway = StripeGateway(key, stripe_server.webhook_secret)
    notice = RawNotice(*stripe_server.event("customer.created", {"id": "cus_1"}, livemode=livemode))
    if is_proven:
        assert gateway.verify(notice).subject is None
        return
    with pytest.raises(Unproven) as caught:
        gateway.verify(notice)
    assert caught.value.alarm == "wrong_merchant"


def test_an_event_of_a_connected_account_is_not_ours(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    body, headers = stripe_server.event("checkout.session.completed", stripe_server.sessions[paid[1].external_id], account="acct_other")
    with pytest.raises(Unproven) as caught:
        StripeGateway.configured().verify(RawNotice(body, headers))
    assert caught.value.alarm == "wrong_merchant"


@pytest.mark.parametrize("thing", [None, 7, [], {}, {"id": "re_1"}, {"id": "re_1", "amount": "x"}])
@pytest.mark.parametrize("kind", ["refund.updated", "charge.refunded", "charge.dispute.created"])
def test_signed_nonsense_about_money_back_is_refused_not_crashed_on(stripe_server: StripeServer, kind: str, thing: Any) -> None:
    body, headers = stripe_server.event(kind, thing)
    with pytest.raises(Unproven):
        StripeGateway.configured().verify(RawNotice(body, headers))


@pytest.mark.parametrize("evidence", [7, {"due_by": 10**18}, {"due_by": "soon"}])
def test_a_due_date_that_is_none_is_refused(stripe_server: StripeServer, evidence: Any) -> None:
    thing = {"id": "dp_1", "amount": 1, "currency": "cny", "status": "lost", "evidence_details": evidence}
    body, headers = stripe_server.event("charge.dispute.created", thing)
    with pytest.raises(Unproven):
        StripeGateway.configured().verify(RawNotice(body, headers))


def test_secrets_are_in_no_repr(stripe_server: StripeServer) -> None:
    shown = repr(StripeGateway.configured())
    assert stripe_server.secret_key not in shown
    assert stripe_server.webhook_secret not in shown


@pytest.mark.parametrize(
    ("key", "secret", "base", "names"),
    [
        ("", "", "", []),
        ("sk_live_1", "whsec_1", "", []),
        ("rk_test_1", "whsec_1", "http://127.0.0.1:1", []),
        ("sk_live_1", "", "", ["STRIPE_WEBHOOK_SECRET"]),
        ("", "whsec_1", "", ["STRIPE_SECRET_KEY"]),
        ("pk_live_1", "whsec_1", "", ["STRIPE_SECRET_KEY"]),
        ("sk_live_1", "we_1", "", ["STRIPE_WEBHOOK_SECRET"]),
        ("sk_live_1", "whsec_1", "api.stripe.com", ["STRIPE_API_BASE"]),
    ],
)
def test_settings_that_are_half_right_are_named_and_never_shown(settings: Any, key: str, secret: str, base: str, names: list[str]) -> None:
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE = key, secret, base
    found = checks.stripe_settings()
    assert [message.msg.split()[0] for message in found] == names
    assert not any(value and value in message.msg for message in found for value in (key, secret))


def test_the_server_next_door_refunds_as_strictly_as_stripe(stripe_server: StripeServer, paid: tuple[Any, Order]) -> None:
    client = calls.client(stripe_server.secret_key, stripe_server.base)
    intent = paid[1].charge_id
    first: Any = {"payment_intent": intent, "amount": 100}
    made = client.v1.refunds.create(params=first, options={"idempotency_key": "one"})
    assert client.v1.refunds.create(params=first, options={"idempotency_key": "one"}).id == made.id
    assert client.v1.refunds.retrieve(made.id).amount == 100
    with pytest.raises(stripe.IdempotencyError):
        client.v1.refunds.create(params=first | {"amount": 101}, options={"idempotency_key": "one"})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create(params={"payment_intent": intent, "amount": 9_901}, options={"idempotency_key": "two"})
    assert client.v1.refunds.create(params={"payment_intent": intent, "amount": 9_900}, options={"idempotency_key": "two"}).amount == 9_900
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create(params={"payment_intent": intent})
    assert caught.value.code == "charge_already_refunded"


@pytest.mark.parametrize("expires_in_s", [1_700, 86_500])
def test_the_server_next_door_wants_thirty_minutes_to_a_day(stripe_server: StripeServer, expires_in_s: int) -> None:
    client = calls.client(stripe_server.secret_key, stripe_server.base)
    asked: Any = {
        "mode": "payment",
        "success_url": "https://shop.example/",
        "expires_at": int(time.time()) + expires_in_s,
        "line_items": [{"price_data": {"currency": "cny", "unit_amount": 100, "product_data": {"name": "x"}}, "quantity": 1}],
    }
    with pytest.raises(stripe.InvalidRequestError, match="30 minutes to 24 hours"):
        client.v1.checkout.sessions.create(params=asked)
