"""The console's refunds and disputes: who may decide, what the form shows, what a decision does and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from payments.models import Dispute, Order, Refund
from payments.services.refund import refund_request
from tests.payments.conftest import deliver, moved
from tests.payments.refunding import charge_of, now, paid_order, tipped, used
from tests.payments.stripe_server import StripeServer
from tests.payments.test_admin import signed_in

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/refund/"


def operator_with(user_factory: Any, *permissions: str) -> Client:
    """An operator at the console who holds these permissions only."""
    operator = user_factory(is_staff=True)
    operator.is_superuser = False
    operator.save(update_fields=["is_superuser"])
    operator.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return signed_in(operator)


@pytest.fixture
def console(user_factory: Any) -> Client:
    return operator_with(user_factory, "view_refund", "change_refund", "view_order", "view_dispute")


@pytest.fixture
def order(stripe_server: StripeServer, user_factory: Any) -> Order:
    return paid_order(stripe_server, user_factory(bonus=0))


def act(client: Client, refund: Refund, action: str, **body: str) -> str:
    """The action, and what the operator is told."""
    answer = client.post(LIST, {"action": action, "_selected_action": [refund.pk], **body}, follow=True)
    assert answer.status_code == 200
    refund.refresh_from_db()
    return " ".join(str(message) for message in answer.context["messages"])


def form(order: Order) -> str:
    return f"/admin/payments/refund/order/{order.pk}/"


def test_the_queue_shows_what_waits_first_and_oldest_first(stripe_server: StripeServer, console: Client, user_factory: Any) -> None:
    wishes = []
    for _ in range(3):
        user = user_factory(bonus=0)
        order = paid_order(stripe_server, user)
        wishes.append(refund_request(user_id=user.pk, order_uuid=order.uuid, reason="please", at=now()))
    assert "rejected" in act(console, wishes[0], "reject", reason="no")
    page = console.get(LIST)
    assert [refund.pk for refund in page.context["cl"].result_list] == [wishes[1].pk, wishes[2].pk, wishes[0].pk]
    for path in (f"{LIST}{wishes[0].pk}/change/", f"/admin/payments/order/{order.pk}/change/"):
        assert console.get(path).status_code == 200


def test_an_operator_approves_with_a_reason_and_another_amount(console: Client, order: Order) -> None:
    wish = refund_request(user_id=order.user_id, order_uuid=order.uuid, reason="", at=now())
    before = moved()
    assert "say why" in act(console, wish, "approve")
    assert "no amount" in act(console, wish, "approve", reason="fine", amount="many")
    assert moved() == before
    assert "succeeded" in act(console, wish, "approve", reason="fine", amount="12.50")
    assert (wish.status, wish.amount_cents) == ("succeeded", 1_250)
    assert "fine" in LogEntry.objects.latest("pk").change_message


def test_the_same_operator_twice_is_refused_and_a_second_one_is_not(console: Client, order: Order, user_factory: Any) -> None:
    used(order.user, 1_000)
    wish = refund_request(user_id=order.user_id, order_uuid=order.uuid, reason="", amount_cents=10_000, at=now())
    assert "another operator must approve" in act(console, wish, "approve", reason="kind")
    assert "another operator is needed" in act(console, wish, "approve", reason="kind")
    assert wish.status == "waiting"
    second = operator_with(user_factory, "view_refund", "change_refund")
    assert "succeeded" in act(second, wish, "approve", reason="agreed")


def test_without_the_permission_nothing_can_be_decided(order: Order, user_factory: Any) -> None:
    viewer = operator_with(user_factory, "view_refund", "view_order")
    wish = refund_request(user_id=order.user_id, order_uuid=order.uuid, reason="", at=now())
    before = moved()
    for action in ("approve", "reject", "send"):
        act(viewer, wish, action, reason="x")
    assert (wish.status, viewer.get(form(order)).status_code, viewer.post(form(order), {}).status_code) == ("requested", 403, 403)
    assert moved() == before
    assert Client().get(form(order)).status_code == 302


def test_refunds_and_disputes_are_edited_by_nobody(console: Client, stripe_server: StripeServer, order: Order) -> None:
    deliver(*stripe_server.event("charge.dispute.created", stripe_server.dispute(charge_of(stripe_server, order)["id"])))
    number = Dispute.objects.get().pk
    assert console.post(f"/admin/payments/dispute/{number}/change/", {"status": "won"}).status_code == 403
    assert console.post(f"/admin/payments/dispute/{number}/delete/", {"post": "yes"}).status_code == 403
    assert console.get(f"{LIST}add/").status_code == 403
    assert Dispute.objects.get().status == "open"


def test_the_form_shows_what_is_unspent_and_what_would_be_owed(console: Client, order: Order) -> None:
    used(order.user, 400)
    page = console.get(form(order)).content.decode()
    for text in ("100.00 CNY", "60.00 CNY", "for 600 paid and 60 bonus", "for 1000 paid and 100 bonus", "up to 400"):
        assert text in page, text
    assert console.get("/admin/payments/refund/order/0/").status_code == 404


def test_the_form_refunds_once_however_often_it_is_sent(console: Client, stripe_server: StripeServer, order: Order) -> None:
    for _ in range(2):
        answer = console.post(form(order), {"amount": "30", "reason": "half a day late", "key": "a-key"})
        assert answer.status_code == 302
    assert (Refund.objects.get().status, Refund.objects.get().amount_cents, len(stripe_server.refunds)) == ("succeeded", 3_000, 1)


@pytest.mark.parametrize("amount", ["", "0", "-1", "100.01", "1.005", "NaN", "Infinity", "1e9", "ten", "9" * 30])
def test_a_wrong_amount_is_told_in_the_form(console: Client, order: Order, amount: str) -> None:
    before = moved()
    answer = console.post(form(order), {"amount": amount, "reason": "x", "key": "k"})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert moved() == before
    assert not Refund.objects.exists()


def test_the_order_leads_to_its_form(console: Client, order: Order) -> None:
    answer = console.post("/admin/payments/order/", {"action": "refund", "_selected_action": [order.pk]})
    assert answer.headers["Location"] == form(order)


def test_a_dispute_shows_whom_it_took_from_and_its_notices(
    console: Client, stripe_server: StripeServer, order: Order, user_factory: Any
) -> None:
    creator = user_factory(bonus=0)
    tipped(order.user, creator, 1_000)
    deliver(*stripe_server.event("charge.dispute.created", stripe_server.dispute(charge_of(stripe_server, order)["id"])))
    number = Dispute.objects.get().pk
    page = console.get(f"/admin/payments/dispute/{number}/change/").content.decode()
    assert f"{creator.username}: 900.0 pending" in page
    assert "charge.dispute.created recorded" in page
    assert console.get("/admin/payments/dispute/").status_code == 200
