"""The console: the catalogue is edited, everything else is read, and actions go through the services."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory

from accounts.web.session import page_sign_in
from config.kernel import clock as kernel_clock
from payments.models import Alarm, Difference, Notice, Order, Product, SandboxPayment, Statement
from payments.services.alarm import alarm_raise
from payments.services.statement import statement_compare
from tests.payments.conftest import Buy, credits_of, deliver, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(user_factory: Any) -> Client:
    """An operator who passed a second factor, at the console."""
    operator = user_factory(is_staff=True)
    operator.is_superuser = True
    operator.save(update_fields=["is_superuser"])
    return signed_in(operator)


def signed_in(operator: Any) -> Client:
    """A console's client of somebody who passed a second factor."""
    request = RequestFactory().get("/")
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    page_sign_in(request, operator, second_factor=True)
    request.session.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client


def act(console: Client, order: Order, action: str, reason: str = "") -> None:
    body = {"action": action, "_selected_action": [order.pk], "reason": reason}
    assert console.post("/admin/payments/order/", body).status_code == 302
    order.refresh_from_db()


def test_every_page_of_the_room_opens(console: Client, demo: None, user_factory: Any, buy: Buy) -> None:
    from payments.services.sandbox import sandbox_pay

    order = buy(user_factory())
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=order.created_at)
    rows = {
        "order": order.pk,
        "notice": Notice.objects.get().pk,
        "product": Product.objects.earliest("pk").pk,
        "sandboxpayment": SandboxPayment.objects.get().pk,
        "alarm": alarm_raise(kind="wrong_amount", subject=f"order:{order.uuid}", text="what happened", at=order.created_at),
        "statement": statement_compare(channel="sandbox", day=kernel_clock.day_of(order.created_at), at=order.created_at).pk,
    }
    for name, number in rows.items():
        for path in (f"/admin/payments/{name}/", f"/admin/payments/{name}/{number}/change/"):
            assert console.get(path).status_code == 200, path
    assert console.get("/admin/operations/showcasevideo/add/").status_code == 200


def test_orders_notices_and_the_sandbox_are_read_only(console: Client, demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    before = moved()
    for name, number in {"order": order.pk, "sandboxpayment": order.uuid}.items():
        assert console.post(f"/admin/payments/{name}/{number}/change/", {"status": "succeeded"}).status_code == 403
        assert console.post(f"/admin/payments/{name}/{number}/delete/", {"post": "yes"}).status_code == 403
        assert console.get(f"/admin/payments/{name}/add/").status_code == 403
    assert moved() == before


def test_cancelling_wants_a_reason_and_closes_the_checkout(
    console: Client, stripe_server: StripeServer, user_factory: Any, buy: Buy
) -> None:
    order = buy(user_factory())
    act(console, order, "cancel")
    assert order.status == "pending"
    act(console, order, "cancel", "asked by the buyer")
    assert (order.status, order.failure) == ("cancelled", "asked by the buyer")
    assert stripe_server.sessions[order.external_id]["status"] == "expired"
    assert "asked by the buyer" in LogEntry.objects.get().change_message


def test_asking_settles_what_was_paid_unheard(console: Client, stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    session = stripe_server.pay(order.external_id)
    act(console, order, "ask")
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)
    before = moved()
    act(console, order, "ask")
    act(console, order, "cancel", "too late")
    deliver(*stripe_server.event("checkout.session.completed", session))
    assert moved() == before


@pytest.fixture
def alarm() -> Alarm:
    return Alarm.objects.get(pk=alarm_raise(kind="wrong_amount", subject="order:1", text="what happened", at=kernel_clock.now()))


@pytest.fixture
def difference() -> Difference:
    now = kernel_clock.now()
    statement = Statement.objects.create(channel="stripe", day=now.date(), compared_at=now, lines=1, gateway_cents=700, our_cents=0)
    return Difference.objects.create(statement=statement, kind="missing_here", reference="pi_1", gateway_cents=700)


@pytest.mark.parametrize("name", ["alarm", "difference"])
def test_alarms_and_differences_are_closed_with_a_note(console: Client, request: pytest.FixtureRequest, name: str) -> None:
    row = request.getfixturevalue(name)
    body = {"action": "close", "_selected_action": [row.pk], "reason": " "}
    assert console.post(f"/admin/payments/{name}/", body).status_code == 302
    row.refresh_from_db()
    assert row.closed_at is None
    console.post(f"/admin/payments/{name}/", {**body, "reason": "asked the bank"})
    row.refresh_from_db()
    assert (row.note, row.closed_by.is_superuser, LogEntry.objects.count()) == ("asked the bank", True, 1)
    assert console.post(f"/admin/payments/{name}/{row.pk}/change/", {"note": "other"}).status_code == 403


def test_who_may_only_look_has_no_actions(user_factory: Any, alarm: Alarm) -> None:
    watcher = user_factory(is_staff=True)
    type(watcher).objects.filter(pk=watcher.pk).update(is_superuser=False)
    watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_alarm", "view_order"]))
    client = signed_in(watcher)
    assert b"what happened" in client.get("/admin/payments/alarm/").content
    client.post("/admin/payments/alarm/", {"action": "close", "_selected_action": [alarm.pk], "reason": "mine"})
    alarm.refresh_from_db()
    assert alarm.closed_at is None


def test_a_day_is_compared_anew_from_the_console(console: Client, demo: None, difference: Difference) -> None:
    day = difference.statement
    Statement.objects.filter(pk=day.pk).update(channel="sandbox")
    console.post("/admin/payments/statement/", {"action": "compare", "_selected_action": [day.pk]})
    day.refresh_from_db()
    difference.refresh_from_db()
    assert (day.lines, difference.closed_at is not None) == (0, True)
