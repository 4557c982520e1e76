"""Lost notices are found by asking, and a gateway's day is compared with ours line by line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput
from payments.gateways.base import StatementLine, Temporary
from payments.gateways.registry import statement_gateways
from payments.models import Alarm, Difference, Order, Refund, Statement
from payments.services import statement as statement_service
from payments.services.expiry import order_expire_due
from payments.services.reconcile import next_ask, order_ask_due
from payments.services.sandbox import sandbox_pay
from payments.services.statement import difference_close, statement_compare, statement_due
from tests.payments.conftest import Buy, credits_of, deliver, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db
SANDBOX = "sandbox"


@pytest.mark.parametrize(
    ("age", "later"),
    [(1, 2), (3, 7), (5, 5), (10, 20), (29, 1), (30, 60), (200, 60), (1_430, 10)],
)
def test_the_pauses_grow(age: int, later: int) -> None:
    """Minutes: how old the order is, and when after that it is asked about."""
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    order = Order(created_at=begin, expires_at=begin + dt.timedelta(hours=24))
    at = begin + dt.timedelta(minutes=age)
    assert next_ask(order, at) - at == dt.timedelta(minutes=later)


def test_a_payment_whose_notice_was_lost_is_found_by_asking(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    stripe_server.pay(order.external_id)
    clock.advance(minutes=2)
    assert (order_ask_due(at=kernel_clock.now()), credits_of(user)) == (0, 0)
    clock.advance(minutes=2)
    assert (order_ask_due(at=kernel_clock.now()), credits_of(user)) == (1, 1_100)
    before = moved()
    late = stripe_server.event("checkout.session.completed", stripe_server.sessions[order.external_id])
    assert (deliver(*late).fate, moved()) == ("superseded", before)


def test_an_order_is_asked_about_at_three_ten_and_thirty_minutes_then_hourly(
    stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any
) -> None:
    buy(user_factory())
    asked: list[int] = []
    begin = kernel_clock.now()
    for minute in range(180):
        count = len(stripe_server.requests)
        order_ask_due(at=begin + dt.timedelta(minutes=minute, seconds=30))
        if len(stripe_server.requests) > count:
            asked.append(minute)
    assert asked == [3, 10, 30, 90, 150]


def test_an_end_without_money_is_found_by_asking(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    stripe_server.time_passes(order.external_id)
    clock.advance(minutes=4)
    assert order_ask_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert order.status == "expired"


def test_a_silent_gateway_is_asked_later_and_stops_nobody(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    first, second = buy(user_factory()), buy(user_factory())
    stripe_server.pay(first.external_id)
    stripe_server.pay(second.external_id)
    stripe_server.fail_next = [500, 500, 500]
    clock.advance(minutes=4)
    assert order_ask_due(at=kernel_clock.now()) == 1
    clock.advance(minutes=7)
    assert order_ask_due(at=kernel_clock.now()) == 1
    assert set(Order.objects.values_list("status", flat=True)) == {"succeeded"}


def test_an_order_over_its_time_is_left_to_the_expiry(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    clock.advance(hours=25)
    assert order_ask_due(at=kernel_clock.now()) == 0
    assert order_expire_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert order.status == "expired"


class Day:
    """The sandbox's statement, as a test wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: dict[dt.date, list[StatementLine]] = {}
        self.is_ready = True
        self.asked: list[dt.date] = []
        gateway: Any = statement_gateways()[SANDBOX]
        monkeypatch.setattr(type(gateway), "statement", lambda _gateway, day: self.statement(day))

    def statement(self, day: dt.date) -> list[StatementLine]:
        self.asked.append(day)
        if not self.is_ready:
            raise Temporary("not ready")
        return self.lines.get(day, [])


@pytest.fixture
def day(demo: None, monkeypatch: pytest.MonkeyPatch) -> Day:
    return Day(monkeypatch)


@pytest.fixture
def noon(clock: Any) -> dt.datetime:
    """Business time is noon in Asia/Shanghai."""
    now = kernel_clock.now().astimezone(kernel_clock.SHANGHAI)
    clock.advance(seconds=(now.replace(hour=12, minute=0, second=0, microsecond=0) - now).total_seconds())
    return kernel_clock.now()


def bought(user: Any, buy: Buy) -> Order:
    order = buy(user)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    order.refresh_from_db()
    return order


def line(order: Order, **change: Any) -> StatementLine:
    facts = {"number": order.uuid.hex, "external_id": order.charge_id, "amount_cents": order.amount_cents, "currency": order.currency}
    return StatementLine("payment", **{**facts, **change})


def compared(at: dt.datetime) -> Statement:
    return statement_compare(channel=SANDBOX, day=kernel_clock.day_of(at), at=at)


def differences(statement: Statement) -> list[tuple[str, str, int | None, int | None]]:
    rows = statement.differences.filter(closed_at=None).order_by("pk")
    return list(rows.values_list("kind", "reference", "gateway_cents", "our_cents"))


def test_a_day_that_agrees_has_no_difference_and_no_alarm(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    day.lines[kernel_clock.day_of(noon)] = [line(order)]
    statement = compared(noon)
    assert (statement.lines, statement.gateway_cents, statement.our_cents, differences(statement)) == (1, 10_000, 10_000, [])
    assert Alarm.objects.count() == 0


def test_the_sandboxs_own_statement_agrees_with_what_was_bought(demo: None, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    for channel in ("stripe", "wechat", "alipay"):
        order = buy(user_factory(), channel=channel)
        sandbox_pay(payment_id=order.uuid, outcome="paid", at=noon)
    statement = compared(noon)
    assert (statement.lines, differences(statement)) == (3, [])


def test_every_kind_of_difference_is_listed_and_alarmed(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    fine, less, gone = (bought(user_factory(), buy) for _ in range(3))
    unpaid = buy(user_factory())
    stranger = StatementLine("payment", "0" * 32, "pi_strange", 700, "CNY")
    day.lines[kernel_clock.day_of(noon)] = [line(fine), line(less, amount_cents=9_000), stranger, line(unpaid, external_id="pi_1")]
    statement = compared(noon)
    assert differences(statement) == [
        ("amount", less.uuid.hex, 9_000, 10_000),
        ("missing_here", "pi_strange", 700, None),
        ("state", unpaid.uuid.hex, 10_000, None),
        ("missing_there", gone.uuid.hex, None, 10_000),
    ]
    assert (statement.gateway_cents, statement.our_cents) == (29_700, 30_000)
    alarm = Alarm.objects.get(kind="statement_differs")
    assert (alarm.subject, alarm.times) == (f"statement:sandbox:{kernel_clock.day_of(noon)}", 1)


def test_another_currency_is_another_amount(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    day.lines[kernel_clock.day_of(noon)] = [line(order, currency="USD")]
    assert [row[0] for row in differences(compared(noon))] == ["amount"]


def test_a_second_charge_on_the_statement_is_a_difference(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    day.lines[kernel_clock.day_of(noon)] = [line(order), line(order, external_id="pi_second")]
    assert differences(compared(noon)) == [("missing_here", "pi_second", 10_000, None)]


def refunded(order: Order, status: str, at: dt.datetime, **more: Any) -> Refund:
    facts = {"origin": "operator", "amount_cents": 400, "idempotency_key": status, "settled_at": at, **more}
    return Refund.objects.create(order=order, status=status, created_at=at, updated_at=at, **facts)


def test_refunds_are_compared_by_our_number_or_the_gateways(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    named, waiting, failed, gone = (refunded(order, status, noon) for status in ("succeeded", "processing", "failed", "succeeded2"))
    Refund.objects.filter(pk=named.pk).update(external_id="re_1")
    Refund.objects.filter(pk=gone.pk).update(status="succeeded")
    day.lines[kernel_clock.day_of(noon)] = [
        line(order),
        StatementLine("refund", "", "re_1", 400, "CNY"),
        StatementLine("refund", waiting.uuid.hex, "", 400, "CNY"),
        StatementLine("refund", failed.uuid.hex, "", 400, "CNY"),
        StatementLine("refund", "", "re_strange", 30, "CNY"),
    ]
    statement = compared(noon)
    assert differences(statement) == [
        ("state", failed.uuid.hex, -400, None),
        ("missing_here", "re_strange", -30, None),
        ("missing_there", gone.uuid.hex, None, -400),
    ]
    assert (statement.gateway_cents, statement.our_cents) == (8_770, 8_800)


def test_a_second_charge_that_goes_back_is_no_difference(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    back = refunded(order, "succeeded", noon, origin="duplicate", charge_id="pi_second", amount_cents=10_000)
    lines = [line(order), line(order, external_id="pi_second"), StatementLine("refund", back.uuid.hex, "", 10_000, "CNY")]
    day.lines[kernel_clock.day_of(noon)] = lines
    assert differences(compared(noon)) == []


def test_compared_again_there_is_nothing_twice_and_what_is_gone_is_closed(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    order = bought(user_factory(), buy)
    first = compared(noon)
    again = compared(noon)
    assert (first.pk, differences(again)) == (again.pk, [("missing_there", order.uuid.hex, None, 10_000)])
    assert Difference.objects.count() == 1
    day.lines[kernel_clock.day_of(noon)] = [line(order)]
    assert differences(compared(noon)) == []
    assert Difference.objects.get().note != ""


def test_what_an_operator_closed_stays_closed(day: Day, noon: dt.datetime, user_factory: Any, buy: Buy) -> None:
    bought(user_factory(), buy)
    operator, difference = user_factory(), compared(noon).differences.get()
    with pytest.raises(InvalidInput):
        difference_close(difference=difference, operator=operator, note=" ", at=noon)
    assert difference_close(difference=difference, operator=operator, note="asked the bank", at=noon)
    assert not difference_close(difference=difference, operator=operator, note="again", at=noon)
    assert differences(compared(noon)) == []
    assert Alarm.objects.get(kind="statement_differs").times == 1


def test_a_payment_that_we_heard_of_after_midnight_stands_on_the_gateways_day_before(
    day: Day, noon: dt.datetime, user_factory: Any, buy: Buy, clock: Any
) -> None:
    clock.advance(hours=11, minutes=50)
    order = buy(user_factory())
    clock.advance(minutes=20)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    order.refresh_from_db()
    yesterday, today = kernel_clock.day_of(noon), kernel_clock.day_of(kernel_clock.now())
    day.lines[yesterday] = [line(order)]
    for each in (yesterday, today):
        assert differences(statement_compare(channel=SANDBOX, day=each, at=kernel_clock.now())) == []


def test_a_payment_nobody_told_us_of_is_settled_when_the_statement_names_it(
    stripe_server: StripeServer, user_factory: Any, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    session = stripe_server.pay(order.external_id)
    gateway: Any = statement_gateways()["stripe"]
    lines = [StatementLine("payment", order.uuid.hex, session["payment_intent"], 10_000, "CNY")]
    monkeypatch.setattr(type(gateway), "statement", lambda *_: lines)
    statement = statement_compare(channel="stripe", day=kernel_clock.now().date(), at=kernel_clock.now())
    assert (differences(statement), credits_of(user)) == ([], 1_100)


def test_the_last_seven_days_are_compared_once(day: Day, noon: dt.datetime) -> None:
    today = kernel_clock.day_of(noon)
    assert statement_due(at=noon) == 7
    assert day.asked == [today - dt.timedelta(days=back) for back in range(7, 0, -1)]
    assert statement_due(at=noon) == 0
    assert statement_due(at=noon + dt.timedelta(days=1)) == 1


def test_a_day_that_is_not_ready_is_tried_again_and_told_after_three_days(day: Day, noon: dt.datetime) -> None:
    day.is_ready = False
    assert statement_due(at=noon) == 0
    assert Alarm.objects.filter(kind="statement_missing").count() == 7 - statement_service.OVERDUE_DAYS + 1
    assert Statement.objects.count() == 0
    day.is_ready = True
    assert statement_due(at=noon) == 7


def test_only_configured_gateways_are_asked(production: None) -> None:
    assert statement_gateways() == {}
    assert statement_due(at=kernel_clock.now()) == 0
