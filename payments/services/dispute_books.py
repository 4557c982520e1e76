"""What a dispute does to credits, coins and money: taken when it is opened, all of it given back when it is won. Under the order's lock.

The disputed share is looked for in three places: what the payer still has (also on hold), what it became at others, and what
was used up, which the payer owes once the dispute is lost. Coins that nobody gives back are the platform's loss.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import F, Sum

from credits.models import Clawback, Wallet
from credits.services.clawback import clawback, clawback_collect, clawback_restore
from credits.services.money import money_move
from credits.services.takeback import takeback, takeback_restore, wallet_freeze, wallet_unfreeze
from payments.models import Dispute
from payments.selectors.refund import booked_of
from payments.services.refund_settle import cash_of, order_taken
from payments.services.refund_terms import share_of, value_of


def reference_of(dispute: Dispute) -> str:
    """How the books name the dispute."""
    return f"dispute:{dispute.pk}"


def blocked_users(dispute: Dispute) -> list[int]:
    """Whose withdrawals hold coins that this dispute waits for."""
    rows = Clawback.objects.filter(reference=reference_of(dispute), blocked__gt=0, settled_at=None)
    return sorted(set(rows.values_list("recipient_id", flat=True)))


def credits_take(dispute: Dispute, at: dt.datetime) -> None:
    """The payer is frozen; the unspent part of the share is taken back, what the rest became at others is clawed back.

    Call it before the dispute counts as open. Locks the wallets of all of them in id order.
    """
    order, ref = dispute.order, reference_of(dispute)
    paid, bonus = share_of(order, dispute.amount_cents)
    wallet = Wallet.objects.filter(pk=order.user_id).first()
    unspent = min(paid, wallet.paid + wallet.held_paid) if wallet else 0
    found = 0
    if paid > unspent and order.transaction_id:
        since = {"since_transaction_id": order.transaction_id, "credits": paid - unspent}
        found = clawback(payer_id=order.user_id, key=f"{ref}:claw", ref=ref, at=at, **since).credits
    if unspent + bonus:
        dispute.takeback_id = _take(dispute, unspent, bonus, "take", at)
    wallet_freeze(user_id=order.user_id)
    order_taken(order, paid, bonus, at)
    dispute.paid_credits, dispute.bonus_credits = paid, bonus
    dispute.owed_credits, dispute.is_frozen = paid - unspent - found, True
    dispute.save(update_fields=["takeback_id", "paid_credits", "bonus_credits", "owed_credits", "is_frozen"])


def money_gone(dispute: Dispute, at: dt.datetime) -> None:
    """The gateway has taken the money, and the books say so: what cannot be recovered is the platform's loss. Once."""
    if dispute.is_money_gone:
        return
    value = value_of(dispute.order, dispute.amount_cents)
    losses = min(value, _unrecovered_cents(dispute) + _beyond_cents(dispute, value))
    _book(dispute, -losses, "losses", "out", at)
    _book(dispute, losses - value, "refunds", "out", at)
    dispute.value_cents, dispute.losses_cents, dispute.is_money_gone = value, losses, True
    dispute.save(update_fields=["value_cents", "losses_cents", "is_money_gone"])


def credits_lose(dispute: Dispute, at: dt.datetime) -> None:
    """The dispute is lost: what was blocked is collected, the payer owes what was used up and is free otherwise."""
    clawback_collect(ref=reference_of(dispute), at=at)
    if dispute.owed_credits:
        dispute.owed_takeback_id = _take(dispute, dispute.owed_credits, 0, "owed", at)
    money_gone(dispute, at)
    _losses_correct(dispute, at)
    _unfreeze(dispute)
    dispute.save(update_fields=["owed_takeback_id", "losses_cents", "is_frozen"])


def credits_restore(dispute: Dispute, at: dt.datetime) -> None:
    """The dispute is won: credits, coins and money are where they were, in the same units, and the payer is free."""
    order, ref = dispute.order, reference_of(dispute)
    clawback_restore(ref=ref, at=at)
    for number in (dispute.takeback_id, dispute.owed_takeback_id):
        if number is not None:
            takeback_restore(takeback_id=number, key=f"{ref}:restore:{number}", at=at)
    if dispute.is_money_gone:
        _book(dispute, dispute.losses_cents, "losses", "back", at)
        _book(dispute, dispute.value_cents - dispute.losses_cents, "refunds", "back", at)
    order_taken(order, -dispute.paid_credits, -dispute.bonus_credits, at)
    _unfreeze(dispute)
    dispute.is_money_gone = False
    dispute.save(update_fields=["is_frozen", "is_money_gone"])


def _take(dispute: Dispute, paid: int, bonus: int, step: str, at: dt.datetime) -> int:
    """Credits of the payer are taken back, what is missing is owed; the books' row of it."""
    ref = reference_of(dispute)
    taken = takeback(user_id=dispute.order.user_id, key=f"{ref}:{step}", ref=ref, paid=paid, bonus=bonus, may_owe=True, at=at)
    return taken.takeback_id


def _unrecovered_cents(dispute: Dispute) -> int:
    """CNY cents, rounded up, of the coins that are lost or wait in withdrawals."""
    rows = Clawback.objects.filter(reference=reference_of(dispute))
    hundredths = int(rows.aggregate(sum=Sum(F("lost") + F("blocked"), default=0))["sum"])
    return -(-hundredths // settings.COINS_PER_CNY)


def _beyond_cents(dispute: Dispute, value_cents: int) -> int:
    """What leaves beyond the whole of the order: the bank took what a refund had given back already."""
    left = max(0, dispute.order.amount_cents - booked_of(dispute.order).amount_cents)
    return value_cents - value_of(dispute.order, min(dispute.amount_cents, left))


def _losses_correct(dispute: Dispute, at: dt.datetime) -> None:
    """What was blocked and could be collected is no loss after all. Rounded so that losses never fall below what they bear."""
    now = min(dispute.losses_cents, _unrecovered_cents(dispute))
    shift = dispute.losses_cents - now
    _book(dispute, shift, "losses", "collected", at)
    _book(dispute, -shift, "refunds", "collected", at)
    dispute.losses_cents = now


def _unfreeze(dispute: Dispute) -> None:
    if dispute.is_frozen:
        wallet_unfreeze(user_id=dispute.order.user_id)
        dispute.is_frozen = False


def _book(dispute: Dispute, value_cents: int, account: str, step: str, at: dt.datetime) -> None:
    """Money in (positive) or out against an account, once for each step."""
    if value_cents:
        order, ref = dispute.order, reference_of(dispute)
        key = f"{ref}:{step}:{account}"
        money_move(user_id=order.user_id, key=key, ref=ref, channel=cash_of(order), amount_cents=value_cents, account=account, at=at)
