"""Monthly cards: one claim a day (Asia/Shanghai), paid by what the campaign promised when the card was ordered.

Every change holds `subscriptions_lock`, so that a user's cards queue and a day is claimed once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.services.event import event_append
from config.kernel import clock
from credits.services.campaign import campaign_promise, promise_pay, promise_withdraw
from payments.exceptions import AlreadyClaimed, CardSoldOut, NoCard
from payments.locks import subscriptions_lock
from payments.models import CardClaim, MonthlyCard, Order
from payments.selectors.subscription import cards_left, day_begins, is_claimed
from payments.services.alarm import alarm_raise
from payments.states import PAID, OrderState

CAMPAIGN = "monthly-cards"
RESERVED_AT_ONCE = 3
"""Unpaid orders of one user that keep credits of the campaign reserved: nobody can buy it empty without paying."""
REMIND_DAYS = (1, 3)
UNPAID_ENDS = (OrderState.FAILED, OrderState.CANCELLED, OrderState.EXPIRED)
ONE_DAY = dt.timedelta(days=1)
State = MonthlyCard.State


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim brought, the balance (paid + bonus) after it, and when the next one is possible."""

    credits: int
    balance: int
    next_claim_at: dt.datetime


def card_place(order: Order, *, at: dt.datetime) -> MonthlyCard:
    """The order's card waits for its money, and all its claims are reserved. Inside the transaction that places the order.

    Of the user's older unpaid cards only the newest keep their reservation. Locks the wallet, the campaign last. Raises CardSoldOut.
    """
    subscriptions_lock(order.user_id)
    waiting = MonthlyCard.objects.filter(user_id=order.user_id, state=State.PENDING, order__status=OrderState.PENDING)
    for older in waiting.exclude(promise_id=None).order_by("-pk")[RESERVED_AT_ONCE - 1 :]:
        _release(older, at)
    card = _card_for(order, at)
    card.promise_id = _reserved(card, f"card:{order.uuid}", at)
    if card.promise_id is None:
        raise CardSoldOut()
    card.save()
    return card


def card_start(order: Order, *, at: dt.datetime) -> None:
    """The paid card runs from today, or behind the user's last one. Once for each order; inside the settlement's transaction.

    One that lost its reservation (paid late) is reserved again; if the campaign has nothing left it waits, with an alarm, until it has.
    Locks the wallet, then the campaign, then the event log.
    """
    subscriptions_lock(order.user_id)
    card = MonthlyCard.objects.filter(order=order).first() or _card_for(order, at)
    if card.state == State.CANCELLED and order.status == OrderState.SUCCEEDED:
        card.state = State.PENDING  # the order had ended without money, and the money came late
    if card.state == State.PENDING and not _begin(card, at):
        card.save()
        alarm_raise(kind="card_unreserved", subject=f"order:{order.uuid}", text=f"Paid, and campaign {CAMPAIGN} is exhausted.", at=at)


def card_claim(*, user_id: int, at: dt.datetime) -> Claimed:
    """Today's credits of the user's card are in the wallet, exactly once a day (Asia/Shanghai).

    Locks the wallet, then the event log. Raises NoCard, AlreadyClaimed (`next_claim_at`). Source: 004 §10.3.
    """
    day = clock.day_of(at)
    tomorrow = day_begins(day + ONE_DAY)
    with transaction.atomic():
        subscriptions_lock(user_id)
        card = cards_left(user_id, day).first()
        if card is None or card.promise_id is None:
            raise NoCard()
        if is_claimed(user_id, day):
            raise AlreadyClaimed(next_claim_at=clock.iso_z(tomorrow))
        balance = _pay(card, card.promise_id, day, at)
    return Claimed(card.claim_credits, balance, tomorrow)


def card_refundable_cents(order: Order, at: dt.datetime) -> int:
    """Price × unclaimed / days, rounded down; nothing when its days are over. Source: contracts/README.md, "The creators' economy"."""
    card = MonthlyCard.objects.filter(order=order, state__in=[State.PENDING, State.LIVE]).first()
    if card is None or (card.last_day is not None and card.last_day < clock.day_of(at)):
        return 0
    return order.amount_cents * (card.days - card.claims) // card.days


def card_cancel(order: Order, *, at: dt.datetime) -> bool:
    """The order's card ends now, its promise is withdrawn, later cards move up; False if it had ended. Locks as `card_start`."""
    subscriptions_lock(order.user_id)
    card = MonthlyCard.objects.filter(order=order, state__in=[State.PENDING, State.LIVE]).first()
    if card is None:
        return False
    was_live = card.state == State.LIVE
    _release(card, at, state=State.CANCELLED)
    _move_up(order.user_id, at)
    if was_live:
        _tell("card.ended", card, at, reason="refunded")
    return True


def card_restore(order: Order, *, at: dt.datetime) -> bool:
    """A cancelled card runs again with all the claims it had left, behind the user's last one; False if none was cancelled.

    Without credits in the campaign it waits for them, with an alarm. Locks as `card_start`.
    """
    subscriptions_lock(order.user_id)
    card = MonthlyCard.objects.filter(order=order, state=State.CANCELLED).first()
    if card is None or card.claims == card.days:
        return False
    card.state = State.PENDING
    card.save(update_fields=["state"])
    card_start(order, at=at)
    return True


def cards_due(at: dt.datetime, limit: int) -> list[int]:
    """Cards whose days are over, whose reminder is due, whose order ended, or which were paid and wait for the campaign."""
    today = clock.day_of(at)
    later = MonthlyCard.objects.filter(user_id=OuterRef("user_id"), state=State.LIVE, last_day__gt=OuterRef("last_day"))
    reminders = Q()
    for days in REMIND_DAYS:
        near = Q(last_day__lt=today + dt.timedelta(days=days))
        reminders |= near & (Q(reminded_days=None) | Q(reminded_days__gt=days))
    live = Q(state=State.LIVE) & (Q(last_day__lt=today) | (reminders & ~Exists(later)))
    waiting = Q(state=State.PENDING, order__status__in=[*UNPAID_ENDS, *PAID])
    found = [MonthlyCard.objects.filter(which).order_by("pk").values_list("pk", flat=True)[:limit] for which in (live, waiting)]
    return [pk for rows in found for pk in rows]


def card_look(card_id: int, at: dt.datetime) -> bool:
    """What is due for the card is done and told, once; False if nothing was. Locks the wallet, then the campaign, then the event log."""
    with transaction.atomic():
        subscriptions_lock(MonthlyCard.objects.values_list("user_id", flat=True).get(pk=card_id))
        card = MonthlyCard.objects.select_related("order").get(pk=card_id)
        if card.state == State.LIVE and card.last_day is not None:
            return _look_live(card, card.last_day, at)
        if card.state != State.PENDING:
            return False
        if card.order.status in PAID:
            return _begin(card, at)
        is_over = card.order.status in UNPAID_ENDS
        return is_over and _release(card, at, state=State.CANCELLED)


def _look_live(card: MonthlyCard, last_day: dt.date, at: dt.datetime) -> bool:
    left = (last_day - clock.day_of(at)).days + 1
    if left <= 0:
        _release(card, at, state=State.ENDED)
        _tell("card.ended", card, at, reason="over")
        return True
    days = next((days for days in REMIND_DAYS if left <= days), None)
    is_told = card.reminded_days is not None and days is not None and card.reminded_days <= days
    if days is None or is_told or cards_left(card.user_id, last_day + ONE_DAY).exists():
        return False
    MonthlyCard.objects.filter(pk=card.pk).update(reminded_days=days)
    _tell("card.expiring", card, at, days=days)
    return True


def _card_for(order: Order, at: dt.datetime) -> MonthlyCard:
    product = order.product
    if product is None:
        raise ValueError(f"order {order.uuid} sells no card")
    return MonthlyCard(user_id=order.user_id, order=order, days=product.period_days, claim_credits=product.claim_credits, created_at=at)


def _reserved(card: MonthlyCard, key: str, at: dt.datetime) -> int | None:
    """The promise of all claims that the card has left; None when the campaign is exhausted or off."""
    amount = (card.days - card.claims) * card.claim_credits
    reference = f"order:{card.order.uuid}"
    return campaign_promise(user_id=card.user_id, slug=CAMPAIGN, key=key, ref=reference, amount=amount, at=at).promise_id


def _begin(card: MonthlyCard, at: dt.datetime) -> bool:
    """The card is live, its promise made if it had none; False, and nothing saved, when the campaign is exhausted."""
    if card.promise_id is None:
        card.promise_id = _reserved(card, f"card:{card.order.uuid}:{at.isoformat()}", at)
    if card.promise_id is None:
        return False
    card.state = State.LIVE
    card.first_day = _next_day(card.user_id, at)
    card.last_day = card.first_day + (card.days - card.claims - 1) * ONE_DAY
    card.reminded_days = None
    card.save()
    _tell("card.started", card, at, first_day=card.first_day.isoformat())
    return True


def _next_day(user_id: int, at: dt.datetime) -> dt.date:
    """The first day that none of the user's cards has: today, unless it is claimed already."""
    today = clock.day_of(at)
    last = cards_left(user_id, today).last()
    if last is not None and last.last_day is not None:
        return last.last_day + ONE_DAY
    return today + ONE_DAY if is_claimed(user_id, today) else today


def _pay(card: MonthlyCard, promise_id: int, day: dt.date, at: dt.datetime) -> int:
    """One claim is in the wallet and written down; the balance after it."""
    reference = f"card:{card.pk}"
    amount = card.claim_credits
    paid = promise_pay(promise_id=promise_id, key=f"{reference}:{day}", kind="claim", ref=reference, amount=amount, at=at)
    number = cast("int", paid.transaction_id)  # a promise pays or refuses, it is never exhausted
    CardClaim.objects.create(user_id=card.user_id, card=card, day=day, amount_credits=amount, transaction_id=number, created_at=at)
    MonthlyCard.objects.filter(pk=card.pk).update(claims=F("claims") + 1)
    _tell("card.claimed", card, at, day=day.isoformat(), credits=amount)
    return paid.balance


def _release(card: MonthlyCard, at: dt.datetime, state: str = State.PENDING) -> bool:
    """The card is in `state`, and what it had reserved and not paid is back in the campaign."""
    MonthlyCard.objects.filter(pk=card.pk).update(state=state, promise_id=None)
    if card.promise_id is not None:
        promise_withdraw(promise_id=card.promise_id, at=at)
    return True


def _move_up(user_id: int, at: dt.datetime) -> None:
    today = clock.day_of(at)
    waiting = [card for card in cards_left(user_id, today) if card.first_day and card.first_day > today]
    MonthlyCard.objects.filter(pk__in=[card.pk for card in waiting]).update(last_day=today - ONE_DAY)  # they claim no days meanwhile
    for card in waiting:
        first = _next_day(user_id, at)
        last = first + (card.days - card.claims - 1) * ONE_DAY
        MonthlyCard.objects.filter(pk=card.pk).update(first_day=first, last_day=last)


def _tell(kind: str, card: MonthlyCard, at: dt.datetime, **more: Any) -> None:
    last_day = card.last_day.isoformat() if card.last_day else None
    payload = {"subscription_id": card.pk, "order_id": str(card.order.uuid), "last_day": last_day, **more}
    event_append(user_id=card.user_id, kind=kind, payload=payload, at=at)
