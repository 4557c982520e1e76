"""Campaigns: budgets of bonus credits, and promises that are reserved when they are made."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F

from config.kernel.errors import InvalidInput
from config.kernel.sql import fetch_one
from credits.models import Campaign
from credits.services.wallet import Movement, input_digest


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise and its credits; `promise_id` None and 0 when the campaign is exhausted."""

    promise_id: int | None
    amount: int
    replayed: bool


def campaign_create(*, slug: str, budget_credits: int, title: str = "") -> Campaign:
    """The campaign stands with its whole budget; one that stood before stays as it is."""
    fresh = {"title": title or slug, "budget_credits": budget_credits, "remaining_credits": budget_credits}
    return Campaign.objects.get_or_create(slug=slug, defaults=fresh)[0]


def campaign_budget_set(*, campaign_id: int, budget_credits: int) -> None:
    """The budget is `budget_credits`, what remains moved with it. Raises InvalidInput below what is paid and promised."""
    try:
        with transaction.atomic():
            Campaign.objects.filter(pk=campaign_id).update(
                remaining_credits=F("remaining_credits") + budget_credits - F("budget_credits"), budget_credits=budget_credits
            )
    except IntegrityError as error:
        raise InvalidInput.field("budget_credits", "less than what is paid and promised already") from error


def campaign_promise(*, user_id: int, slug: str, key: str, ref: str, amount: int, at: dt.datetime) -> Promised:
    """`amount` credits of the campaign are reserved for the user; an exhausted one promises nothing.

    Locks the wallet, the campaign last. Raises SourceUnknown, IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT * FROM credits_campaign_promise(%s::bigint, %s::text, %s::text, %s::text, %s::bigint, %s::timestamptz)",
        (user_id, slug, key, ref, amount, at),
    )
    return Promised(**row._asdict())


def promise_pay(*, promise_id: int, key: str, kind: str, ref: str, amount: int, at: dt.datetime) -> Movement:
    """`amount` bonus credits of the promise are in the wallet. Locks the wallet. Raises PromiseClosed, IdempotencyConflict."""
    row = fetch_one(
        "SELECT *, 0::bigint AS charged FROM credits_campaign_pay(%s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint,"
        " %s::timestamptz)",
        (promise_id, key, input_digest(promise_id, kind, ref, amount), kind, ref, amount, at),
    )
    return Movement(**row._asdict())


def promise_withdraw(*, promise_id: int, at: dt.datetime) -> int:
    """The promise has ended and what was unpaid of it is back in the campaign. Returns how much; 0 the second time."""
    row = fetch_one("SELECT credits_campaign_withdraw(%s::bigint, %s::timestamptz) AS returned", (promise_id, at))
    return int(row.returned)
