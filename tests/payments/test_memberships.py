"""Memberships: periods in a row, generation free meanwhile, reminders, ends and refunds."""

from __future__ import annotations

import datetime as dt
import threading
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Event
from credits.models import Entitlement, Wallet
from credits.services.wallet import spend
from payments.models import MembershipPeriod, Product
from payments.selectors.subscription import membership_of, vip_level
from payments.services.membership import months_later
from payments.services.subscription import (
    order_effect,
    subscription_cancel,
    subscription_refundable_cents,
    subscription_restore,
    subscription_sweep,
)
from tests.payments.conftest import moved
from tests.payments.subscriptions import bought, paid, placed, shanghai, told
from tests.payments.test_races import AT_ONCE, at_once

AT = shanghai(2026, 1, 31, 18, 0)
DAY = dt.timedelta(days=1)


@pytest.fixture
def user(demo: None, db: None, user_factory: Any) -> Any:
    """Somebody without credits."""
    return user_factory(bonus=0)


def periods(user: Any) -> list[tuple[dt.datetime, dt.datetime]]:
    """What counts of the user's periods."""
    return list(MembershipPeriod.objects.filter(user=user, cancelled_at=None).order_by("starts_at").values_list("starts_at", "ends_at"))


def entitled(user: Any) -> tuple[dt.datetime, dt.datetime, int]:
    """When the user generates for free, and how much a day."""
    row = Entitlement.objects.get(user=user, name="studio")
    return row.valid_from, row.valid_until, row.daily_units


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 1, 31), 2, (2026, 3, 31)),
        ((2026, 12, 31), 2, (2027, 2, 28)),
        ((2028, 2, 29), 12, (2029, 2, 28)),
        ((2026, 5, 15), 3, (2026, 8, 15)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
    ],
)
def test_months_are_those_of_the_calendar(start: Any, months: int, end: Any) -> None:
    assert months_later(shanghai(*start, 0, 30), months) == shanghai(*end, 0, 30)


def test_a_paid_membership_runs_at_once_and_makes_generation_free(user: Any) -> None:
    order = bought(user, "monthly", AT)
    membership = membership_of(user.pk, AT)
    assert membership is not None
    assert (membership.type, membership.starts_at, membership.ends_at) == ("monthly", AT, shanghai(2026, 2, 28, 18, 0))
    assert (membership.daily_units, vip_level(membership)) == (200, 1)
    assert entitled(user) == (AT, shanghai(2026, 2, 28, 18, 0), 200)
    assert told(user, "membership") == [("started", None)]
    assert Event.objects.get(user=user, kind="order.settled").payload["kind"] == "membership"
    free = spend(user_id=user.pk, key="s", ref="task", amount=20, entitlement="studio", at=AT + DAY)
    assert free.charged == 0
    order_effect(order, at=AT + DAY)
    assert len(periods(user)) == 1


def test_an_unpaid_membership_is_none(user: Any) -> None:
    placed(user, "yearly", AT)
    assert (membership_of(user.pk, AT), vip_level(None), periods(user)) == (None, 0, [])


def test_money_told_twice_starts_one_period(user: Any) -> None:
    order = bought(user, "monthly", AT)
    before = moved()
    paid(order, AT + DAY)
    assert (moved(), len(periods(user))) == (before, 1)


def test_periods_stack_and_keep_the_day_of_month(user: Any) -> None:
    for day in range(3):
        bought(user, "monthly", AT + day * DAY)
    bought(user, "yearly", AT + 4 * DAY)
    ends = [shanghai(2026, 2, 28, 18, 0), shanghai(2026, 3, 31, 18, 0), shanghai(2026, 4, 30, 18, 0), shanghai(2027, 4, 30, 18, 0)]
    assert periods(user) == list(zip([AT, *ends], ends, strict=False))
    assert entitled(user) == (AT, ends[-1], 200)
    membership = membership_of(user.pk, AT + 100 * DAY)
    assert membership is not None
    assert (membership.type, membership.starts_at, membership.ends_at, vip_level(membership)) == ("yearly", AT, ends[-1], 3)


def test_after_a_gap_a_new_stretch_begins(user: Any) -> None:
    bought(user, "monthly", AT)
    later = AT + 60 * DAY
    assert membership_of(user.pk, later) is None
    bought(user, "quarterly", later)
    membership = membership_of(user.pk, later)
    assert membership is not None
    assert (membership.starts_at, membership.type, vip_level(membership)) == (later, "quarterly", 2)
    assert entitled(user)[0] == later
    assert membership_of(user.pk, AT + DAY) is not None


def test_the_day_of_the_end_is_no_member_any_more(user: Any) -> None:
    bought(user, "monthly", AT)
    end = shanghai(2026, 2, 28, 18, 0)
    assert membership_of(user.pk, end - dt.timedelta(microseconds=1)) is not None
    assert membership_of(user.pk, end) is None


def test_twenty_memberships_settled_at_once_stand_in_a_row(committed_db: Any, demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    orders = [placed(user, "monthly", AT) for _ in range(AT_ONCE)]
    verdicts = at_once(lambda number: paid(orders[number], AT).fate)
    assert verdicts == ["fulfilled"] * AT_ONCE
    edges = [months_later(AT, months) for months in range(AT_ONCE + 1)]
    assert periods(user) == list(pairwise(edges))
    assert entitled(user)[:2] == (AT, edges[-1])


def test_without_the_lock_the_same_race_overlaps(committed_db: Any, demo: None, user_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is the wallet's row, which the settlement holds too: without both, periods begin at the same moment."""
    from payments.services import membership

    user, all_have_begun = user_factory(bonus=0), threading.Barrier(8)
    orders = [placed(user, "monthly", AT) for _ in range(8)]
    monkeypatch.setattr(membership, "subscriptions_lock", lambda user_id: None)
    monkeypatch.setattr(membership, "_entitle", lambda user_id, at: all_have_begun.wait(30))  # no transaction ends before
    monkeypatch.setattr(membership, "_tell", lambda *args, **more: None)

    def unguarded(number: int) -> None:
        with transaction.atomic():
            membership.membership_start(orders[number], at=AT)

    at_once(unguarded, 8)
    assert [start for start, _ in periods(user)] == [AT] * 8


def test_reminders_come_once_each_before_the_end_of_the_whole_stretch(user: Any) -> None:
    bought(user, "monthly", AT)
    bought(user, "monthly", AT)
    end = periods(user)[-1][1]
    for moment in (end - 40 * DAY, periods(user)[0][1] - DAY, end - 7 * DAY, end - 6 * DAY, end - DAY, end - DAY / 2, end, end + DAY):
        subscription_sweep(at=moment)
        assert subscription_sweep(at=moment) == 0
    assert told(user, "membership") == [("started", None)] * 2 + [("expiring", 7), ("expiring", 1), ("ended", "over")]


def test_a_late_sweep_tells_the_nearest_reminder_only(user: Any) -> None:
    bought(user, "monthly", AT)
    end = periods(user)[-1][1]
    subscription_sweep(at=end - DAY / 2)
    subscription_sweep(at=end - DAY / 3)
    assert told(user, "membership")[1:] == [("expiring", 1)]


def test_who_renews_after_a_reminder_is_reminded_of_the_new_end(user: Any) -> None:
    bought(user, "monthly", AT)
    end = periods(user)[-1][1]
    subscription_sweep(at=end - 7 * DAY)
    bought(user, "monthly", end - 6 * DAY)
    subscription_sweep(at=end - DAY)
    subscription_sweep(at=end)
    subscription_sweep(at=periods(user)[-1][1] - 3 * DAY)
    assert told(user, "membership") == [("started", None), ("expiring", 7), ("started", None), ("expiring", 7)]


def test_the_moved_clock_ends_a_membership(user: Any, clock: Any) -> None:
    bought(user, "monthly", clock.now())
    clock.advance(days=32)
    assert membership_of(user.pk, clock.now()) is None
    assert subscription_sweep(at=clock.now()) == 1
    assert told(user, "membership") == [("started", None), ("ended", "over")]


def test_the_next_periods_units_apply_when_it_begins(user: Any) -> None:
    bought(user, "monthly", AT)
    Product.objects.filter(contract="studio", slug="quarterly").update(daily_units=500)
    bought(user, "quarterly", AT)
    first_end = periods(user)[0][1]
    assert entitled(user)[2] == 200
    subscription_sweep(at=first_end)
    assert entitled(user)[2] == 500


def test_unused_whole_days_are_refundable(user: Any) -> None:
    running, waiting = bought(user, "monthly", AT), bought(user, "yearly", AT)
    moment = AT + 9 * DAY + DAY / 4  # 18 whole days of 28 are unused
    assert subscription_refundable_cents(running, AT) == 990
    assert subscription_refundable_cents(running, moment) == 990 * 18 // 28
    assert subscription_refundable_cents(waiting, moment) == 9_900
    assert subscription_refundable_cents(running, AT + 40 * DAY) == 0


def test_a_pack_is_no_subscription(user: Any) -> None:
    order = bought(user, "credits-6", AT)
    assert subscription_refundable_cents(order, AT) is None
    assert not subscription_cancel(order, at=AT)
    assert not subscription_restore(order, at=AT)


def test_a_cancelled_period_ends_now_and_the_next_one_moves_up(user: Any) -> None:
    first, _ = bought(user, "monthly", AT), bought(user, "quarterly", AT)
    moment = AT + 5 * DAY
    assert subscription_cancel(first, at=moment)
    assert periods(user) == [(moment, months_later(moment, 3))]
    assert entitled(user)[:2] == (moment, months_later(moment, 3))
    assert told(user, "membership") == [("started", None)] * 2
    assert (subscription_cancel(first, at=moment), subscription_refundable_cents(first, moment)) == (False, 0)


def test_a_cancelled_period_in_the_middle_leaves_no_gap(user: Any) -> None:
    orders = [bought(user, "monthly", AT) for _ in range(3)]
    assert subscription_cancel(orders[1], at=AT + DAY)
    ends = [shanghai(2026, 2, 28, 18, 0), shanghai(2026, 3, 31, 18, 0)]
    assert periods(user) == [(AT, ends[0]), (ends[0], ends[1])]
    assert entitled(user)[:2] == (AT, ends[1])


def test_the_last_cancelled_period_ends_the_membership(user: Any) -> None:
    order = bought(user, "monthly", AT)
    moment = AT + 5 * DAY
    assert subscription_cancel(order, at=moment)
    assert membership_of(user.pk, moment) is None
    assert entitled(user)[1] == moment
    assert told(user, "membership") == [("started", None), ("ended", "refunded")]
    assert subscription_sweep(at=AT + 60 * DAY) == 0


def test_a_failed_refund_gives_back_what_was_left(user: Any) -> None:
    order = bought(user, "monthly", AT)
    end = periods(user)[0][1]
    subscription_cancel(order, at=AT + 5 * DAY)
    again = AT + 8 * DAY
    assert subscription_restore(order, at=again)
    assert not subscription_restore(order, at=again)
    assert periods(user) == [(again, end + 3 * DAY)]
    assert entitled(user)[:2] == (again, end + 3 * DAY)
    bought(user, "monthly", again)
    assert periods(user)[1] == (end + 3 * DAY, months_later(end + 3 * DAY, 1))
    assert subscription_refundable_cents(order, again) == 990 * 23 // 30


@pytest.mark.parametrize("change", [{"slug": "weekly"}, {"period_months": 0}])
def test_the_database_refuses_a_membership_that_cannot_be(db: None, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(contract="studio", slug="monthly").update(**change)


def test_a_period_ends_after_it_begins(user: Any) -> None:
    bought(user, "monthly", AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        MembershipPeriod.objects.update(ends_at=AT)


def test_coins_of_a_card_payer_mature_late_and_of_others_not(user: Any, user_factory: Any) -> None:
    other = user_factory()
    bought(user, "monthly", AT, channel="stripe")
    bought(other, "monthly", AT)
    until = dict(Wallet.objects.filter(pk__in=[user.pk, other.pk]).values_list("pk", "pays_pending_until"))
    assert until == {user.pk: AT + 60 * DAY, other.pk: None}
