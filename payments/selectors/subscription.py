"""What runs for a user: their membership and their monthly card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from config.kernel import clock
from payments.models import CardClaim, MembershipPeriod, MonthlyCard

VIP_LEVELS = {"": 0, "monthly": 1, "quarterly": 2, "yearly": 3}
"""Type of the running period → `vipLevel` (contracts/README.md, "Conventions")."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The stretch of periods without a gap that runs now; `type` and `daily_units` are the running period's."""

    type: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    daily_units: int


@dataclass(frozen=True, slots=True)
class Card:
    """A card that runs, or waits for tomorrow because today is claimed. `days_remaining`: its days that can still be claimed, today too."""

    subscription_id: int
    start_at: dt.datetime
    end_at: dt.datetime
    days_remaining: int
    today_claimed: bool
    claim_credits: int


def membership_of(user_id: int, at: dt.datetime) -> Membership | None:
    """The user's membership at `at`, or None. One statement."""
    stretch = stretch_of(periods_of(user_id), at)
    if not stretch or stretch[0].starts_at > at:
        return None
    running = running_of(stretch, at)
    return Membership(running.type, stretch[0].starts_at, stretch[-1].ends_at, running.daily_units)


def vip_level(membership: Membership | None) -> int:
    """0 without a membership, 1, 2, 3 for a monthly, quarterly, yearly one."""
    return VIP_LEVELS[membership.type if membership else ""]


def periods_of(user_id: int) -> list[MembershipPeriod]:
    """The user's periods that were not cancelled, in order."""
    return list(MembershipPeriod.objects.filter(user_id=user_id, cancelled_at=None).order_by("starts_at"))


def stretch_of(periods: Sequence[MembershipPeriod], at: dt.datetime) -> list[MembershipPeriod]:
    """Of `periods` (in order): those without a gap around the first one that has not ended at `at`; empty if all have ended."""
    stretch: list[MembershipPeriod] = []
    for period in periods:
        if stretch and stretch[-1].ends_at != period.starts_at:
            if stretch[-1].ends_at > at:
                break
            stretch = []
        stretch.append(period)
    return stretch if stretch and stretch[-1].ends_at > at else []


def running_of(stretch: Sequence[MembershipPeriod], at: dt.datetime) -> MembershipPeriod:
    """The first period of a stretch that has not ended at `at`."""
    return next(period for period in stretch if period.ends_at > at)


def card_of(user_id: int, at: dt.datetime) -> Card | None:
    """The user's card at `at`, or None; of several, the one whose turn it is."""
    day = clock.day_of(at)
    card = cards_left(user_id, day).first()
    if card is None or card.first_day is None or card.last_day is None:
        return None
    claimed = is_claimed(user_id, day)
    first = max(card.first_day, day + dt.timedelta(days=claimed))
    remaining = (card.last_day - first).days + 1
    end = day_begins(card.last_day + dt.timedelta(days=1)) - dt.timedelta(seconds=1)
    return Card(card.pk, day_begins(card.first_day), end, remaining, claimed, card.claim_credits)


def cards_left(user_id: int, day: dt.date) -> models.QuerySet[MonthlyCard]:
    """The user's live cards whose days are not over on `day`, in the order of their turns."""
    return MonthlyCard.objects.filter(user_id=user_id, state=MonthlyCard.State.LIVE, last_day__gte=day).order_by("first_day")


def is_claimed(user_id: int, day: dt.date) -> bool:
    """Whether the user claimed on `day` (Asia/Shanghai)."""
    return CardClaim.objects.filter(user_id=user_id, day=day).exists()


def day_begins(day: dt.date) -> dt.datetime:
    """The moment, in UTC, at which `day` begins in Asia/Shanghai."""
    return dt.datetime.combine(day, dt.time(), clock.SHANGHAI).astimezone(dt.UTC)
