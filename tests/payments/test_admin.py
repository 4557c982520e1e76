"""The console: the catalogue is edited, everything else is read, and actions go through the services."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client, RequestFactory

from accounts.web.session import page_sign_in
from payments.models import Notice, Order, Product, SandboxPayment
from tests.payments.conftest import Buy, credits_of, deliver, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(user_factory: Any) -> Client:
    """An operator who passed a second factor, at the console."""
    operator = user_factory(is_staff=True)
    operator.is_superuser = True
    operator.save(update_fields=["is_superuser"])
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
