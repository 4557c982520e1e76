"""Memberships: bought periods that follow each other, and what comes with them: free generations, and the first places in the queue.

Every change holds `subscriptions_lock`, so that periods bought at once stand in a row.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.services.event import event_append
from config.kernel import clock
from credits.services.entitlement import entitlement_end, entitlement_set
from payments.locks import subscriptions_lock
from payments.models import MembershipPeriod, Order
from payments.selectors.subscription import membership_of, periods_of, running_of, stretch_of

GENERATION, PRIORITY = "studio", "priority"
"""What a membership brings: so many free generations a day, and tasks that stand first in the queue."""
REMIND_DAYS = (1, 7)
"""Reminders, so many days before the end of the whole stretch; the nearest one that is due is told, each once."""
TYPE_DAYS = {"monthly": 30, "quarterly": 91, "yearly": 365}


def months_later(start: dt.datetime, months: int) -> dt.datetime:
    """The same time `months` calendar months later (Asia/Shanghai), or that month's last day."""
    local = start.astimezone(clock.SHANGHAI)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(dt.UTC)


def membership_start(order: Order, *, at: dt.datetime) -> None:
    """The order's period follows the user's last one, or begins at `at`; generation is free for the whole stretch. Once for each order.

    Inside the settlement's transaction. Locks the wallet, then the event log.
    """
    subscriptions_lock(order.user_id)
    if MembershipPeriod.objects.filter(order=order).exists():
        return
    product = order.product
    if product is None:
        raise ValueError(f"order {order.uuid} sells no membership")
    stretch = stretch_of(periods_of(order.user_id), at)
    period = MembershipPeriod(user_id=order.user_id, order=order, type=product.slug, months=product.period_months)
    period.daily_units = product.daily_units
    _place(period, stretch, at)
    period.save()
    _entitle(order.user_id, at)
    _tell("membership.started", period, at, starts_at=clock.iso_z(period.starts_at))


def membership_refundable_cents(order: Order, at: dt.datetime) -> int:
    """Of the order's money, what its period's unused whole days are worth, rounded down; all of it before the period began."""
    period = MembershipPeriod.objects.filter(order=order, cancelled_at=None, ends_at__gt=at).first()
    if period is None:
        return 0
    if period.starts_at > at:
        return order.amount_cents
    days = (period.ends_at - period.starts_at).days if period.months else TYPE_DAYS[period.type]
    return min(order.amount_cents, order.amount_cents * (period.ends_at - at).days // days)


def membership_cancel(order: Order, *, at: dt.datetime) -> bool:
    """The order's period ends now, later ones move up; False if it had ended. Locks the wallet, then the event log."""
    subscriptions_lock(order.user_id)
    period = MembershipPeriod.objects.filter(order=order, cancelled_at=None, ends_at__gt=at).first()
    if period is None:
        return False
    MembershipPeriod.objects.filter(pk=period.pk).update(cancelled_at=at, ended_at=at)
    _move_up(order.user_id, at)
    _entitle(order.user_id, at)
    if membership_of(order.user_id, at) is None:
        _tell("membership.ended", period, at, reason="refunded")
    return True


def membership_restore(order: Order, *, at: dt.datetime) -> bool:
    """A cancelled period runs again, with what was left of it, behind the user's last one; False if none was cancelled."""
    subscriptions_lock(order.user_id)
    period = MembershipPeriod.objects.filter(order=order).exclude(cancelled_at=None).first()
    if period is None or period.cancelled_at is None:
        return False
    if period.cancelled_at > period.starts_at:
        period.starts_at, period.months = period.cancelled_at, 0
    _place(period, stretch_of(periods_of(order.user_id), at), at)
    period.cancelled_at = period.ended_at = period.reminded_days = None
    period.save()
    _entitle(order.user_id, at)
    _tell("membership.started", period, at, starts_at=clock.iso_z(period.starts_at))
    return True


def memberships_due(at: dt.datetime, limit: int) -> list[int]:
    """Periods that have ended untold, and ends of stretches whose reminder is due."""
    open_ones = MembershipPeriod.objects.filter(cancelled_at=None, ended_at=None)
    ended = Q(ends_at__lte=at)
    reminders = Q()
    for days in REMIND_DAYS:
        reminders |= Q(ends_at__lte=at + dt.timedelta(days=days)) & (Q(reminded_days=None) | Q(reminded_days__gt=days))
    rows = open_ones.filter(ended | (reminders & ~Exists(_follower(OuterRef("user_id"), OuterRef("ends_at")))))
    return list(rows.order_by("ends_at").values_list("pk", flat=True)[:limit])


def membership_look(period_id: int, at: dt.datetime) -> bool:
    """What is due for the period is done and told, once; False if nothing was. Locks the wallet, then the event log."""
    with transaction.atomic():
        subscriptions_lock(MembershipPeriod.objects.values_list("user_id", flat=True).get(pk=period_id))
        period = MembershipPeriod.objects.get(pk=period_id)
        if period.cancelled_at or period.ended_at:
            return False
        is_last = not _follower(period.user_id, period.ends_at).exists()
        return _end(period, at, is_last) if period.ends_at <= at else is_last and _remind(period, at)


def _end(period: MembershipPeriod, at: dt.datetime, is_last: bool) -> bool:
    MembershipPeriod.objects.filter(pk=period.pk).update(ended_at=at)
    if is_last:
        _tell("membership.ended", period, at, reason="over")
    else:
        _entitle(period.user_id, at)  # the next period may have other units a day
    return True


def _remind(period: MembershipPeriod, at: dt.datetime) -> bool:
    days = next((days for days in REMIND_DAYS if period.ends_at <= at + dt.timedelta(days=days)), None)
    if days is None or (period.reminded_days is not None and period.reminded_days <= days):
        return False
    MembershipPeriod.objects.filter(pk=period.pk).update(reminded_days=days)
    _tell("membership.expiring", period, at, days=days)
    return True


def _follower(user_id: Any, ends_at: Any) -> Any:
    return MembershipPeriod.objects.filter(user_id=user_id, cancelled_at=None, starts_at=ends_at)


def _place(period: MembershipPeriod, stretch: Sequence[MembershipPeriod], at: dt.datetime) -> None:
    """The period stands behind `stretch`, or begins at `at`. One without months (a rest that was given back) keeps its length."""
    length = None if period.months else period.ends_at - period.starts_at
    period.starts_at = stretch[-1].ends_at if stretch else at
    period.ends_at = period.starts_at + length if length else _end_behind(stretch, period)


def _end_behind(stretch: Sequence[MembershipPeriod], period: MembershipPeriod) -> dt.datetime:
    """Months are counted from where the stretch began, so that 31 January leads over 28 February to 31 March."""
    anchor, passed = stretch[0].starts_at if stretch else period.starts_at, 0
    for before in stretch:
        passed += before.months
        if months_later(anchor, passed) != before.ends_at:
            anchor, passed = before.ends_at, 0
    return months_later(anchor, passed + period.months)


def _move_up(user_id: int, at: dt.datetime) -> None:
    periods = periods_of(user_id)
    kept = stretch_of([period for period in periods if period.starts_at <= at], at)
    for period in (period for period in periods if period.starts_at > at):
        _place(period, kept, at)
        period.save(update_fields=["starts_at", "ends_at"])
        kept.append(period)


def _entitle(user_id: int, at: dt.datetime) -> None:
    """The user is entitled as their stretch says: from its begin to its end, whoever asks when."""
    stretch = stretch_of(periods_of(user_id), at)
    if not stretch:
        for name in (GENERATION, PRIORITY):
            entitlement_end(user_id=user_id, name=name, at=at)
        return
    for name, daily_units in ((GENERATION, running_of(stretch, at).daily_units), (PRIORITY, 0)):
        entitlement_set(
            user_id=user_id, name=name, valid_from=stretch[0].starts_at, valid_until=stretch[-1].ends_at, daily_units=daily_units
        )


def _tell(kind: str, period: MembershipPeriod, at: dt.datetime, **more: Any) -> None:
    payload = {"order_id": str(period.order.uuid), "type": period.type, "ends_at": clock.iso_z(period.ends_at), **more}
    event_append(user_id=period.user_id, kind=kind, payload=payload, at=at)
