"""Alarms: what smells or is stuck has one open row, is mailed once and closed with a note."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput
from payments.exceptions import NoticeRefused
from payments.models import Alarm, Notice
from payments.services import notice as notice_service
from payments.services.alarm import alarm_close, alarm_mail_due, alarm_raise
from payments.services.expiry import order_expire_due
from payments.services.notice import notice_act_due
from payments.services.verdict import Verdict
from payments.states import NoticeFate
from tests.payments.conftest import Buy, deliver, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db
PAID = "checkout.session.completed"


def raised(subject: str = "order:1", kind: str = "wrong_amount") -> Alarm:
    return Alarm.objects.get(pk=alarm_raise(kind=kind, subject=subject, text="what happened", at=kernel_clock.now()))


def alarms() -> list[tuple[str, str, int]]:
    """What is open, in order."""
    return list(Alarm.objects.filter(closed_at=None).order_by("pk").values_list("kind", "subject", "times"))


def test_the_same_thing_again_only_counts() -> None:
    first, again, other = raised(), raised(), raised("order:2")
    assert first.pk == again.pk != other.pk
    assert alarms() == [("wrong_amount", "order:1", 2), ("wrong_amount", "order:2", 1)]


def test_after_it_was_closed_it_is_a_new_alarm(user_factory: Any) -> None:
    operator, first = user_factory(), raised()
    assert alarm_close(alarm=first, operator=operator, note="looked at", at=kernel_clock.now())
    assert not alarm_close(alarm=first, operator=operator, note="again", at=kernel_clock.now())
    first.refresh_from_db()
    assert (first.note, first.closed_by_id) == ("looked at", operator.pk)
    assert raised().pk != first.pk
    with pytest.raises(InvalidInput):
        alarm_close(alarm=raised(), operator=operator, note="  ", at=kernel_clock.now())
    assert alarms() == [("wrong_amount", "order:1", 2)]


def test_the_database_refuses_a_second_open_alarm() -> None:
    first = raised()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind=first.kind, subject=first.subject, text="", raised_at=first.raised_at, last_at=first.last_at)


def test_operators_are_told_once_by_one_mail(settings: Any) -> None:
    raised(), raised("order:2")
    assert (alarm_mail_due(at=kernel_clock.now()), mail.outbox) == (0, [])
    settings.ADMINS = [("Operators", "operators@shop.example")]
    assert alarm_mail_due(at=kernel_clock.now()) == 2
    assert alarm_mail_due(at=kernel_clock.now()) == 0
    raised()
    assert alarm_mail_due(at=kernel_clock.now()) == 0
    (told,) = mail.outbox
    assert told.to == ["operators@shop.example"]
    assert "order:1" in told.body
    assert "order:2" in told.body


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"amount_total": 1}, "wrong_amount"),
        ({"currency": "usd"}, "wrong_currency"),
        ({"id": "cs_test_other"}, "wrong_order"),
        ({"client_reference_id": "5b0c8e9e-8f5d-4b39-9a35-6f6d5a1f0c11"}, "wrong_order"),
    ],
)
def test_refused_evidence_raises_its_alarm_and_moves_nothing(
    stripe_server: StripeServer, user_factory: Any, buy: Buy, change: dict[str, Any], kind: str
) -> None:
    session = stripe_server.pay(buy(user_factory()).external_id)
    before = moved()
    deliver(*stripe_server.event(PAID, {**session, **change}))
    assert moved() == before
    assert [(name, times) for name, _, times in alarms()] == [(kind, 1)]


def test_forged_notices_are_one_alarm_for_each_source_that_counts(stripe_server: StripeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_service, "UNPROVEN_AN_HOUR", 3)
    for number in range(5):
        with pytest.raises(NoticeRefused):
            deliver(*stripe_server.event(PAID, {"id": f"cs_{number}"}, secret="whsec_guess"))
    assert alarms() == [("forged_notice", "source:stripe", 3)]


def test_an_alarm_falls_with_its_transaction(stripe_server: StripeServer, user_factory: Any, buy: Buy, monkeypatch: Any) -> None:
    session = stripe_server.pay(buy(user_factory()).external_id)
    monkeypatch.setattr("payments.services.fulfil.notice_decide", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        deliver(*stripe_server.event(PAID, {**session, "amount_total": 1}))
    assert alarms() == []


def test_a_notice_that_cannot_be_acted_on_for_ten_minutes_is_told(
    stripe_server: StripeServer, user_factory: Any, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = stripe_server.pay(buy(user_factory()).external_id)
    monkeypatch.setattr(notice_service, "notice_act", lambda **_: Verdict(NoticeFate.RECEIVED))
    deliver(*stripe_server.event(PAID, session))
    monkeypatch.setattr(notice_service, "notice_act", lambda **_: 1 / 0)
    at = kernel_clock.now()
    assert (notice_act_due(at=at + dt.timedelta(minutes=5)), alarms()) == (0, [])
    assert notice_act_due(at=at + dt.timedelta(minutes=11)) == 0
    assert alarms() == [("notice_stuck", f"notice:{Notice.objects.get().pk}", 1)]


def test_an_order_that_no_gateway_ends_for_a_day_is_told(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    clock.advance(hours=30)
    stripe_server.fail_next = [500] * 6
    assert (order_expire_due(at=kernel_clock.now()), alarms()) == (0, [])
    clock.advance(hours=20)
    assert order_expire_due(at=kernel_clock.now()) == 0
    assert alarms() == [("order_stuck", f"order:{order.uuid}", 1)]
