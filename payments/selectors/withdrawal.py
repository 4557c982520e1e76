"""Reads of withdrawals: their owner's list, and what operators weigh."""

from __future__ import annotations

import datetime as dt

from django.db.models import Sum

from accounts.selectors.identity import sign_in_changes
from payments.exceptions import WithdrawalNotFound
from payments.models import Payout, Withdrawal
from payments.states import WithdrawalState

LOOK_BACK = dt.timedelta(days=30)
CHANGE_LOOK_BACK = dt.timedelta(days=7)
OPEN = frozenset(WithdrawalState) - {WithdrawalState.PAID, WithdrawalState.REJECTED}


def withdrawals_page(user_id: int, *, before_id: int | None = None, limit: int = 20) -> list[Withdrawal]:
    """The user's withdrawals, newest first, older than `before_id` (keyset)."""
    rows = Withdrawal.objects.filter(user_id=user_id)
    return list((rows.filter(pk__lt=before_id) if before_id else rows).order_by("-pk")[:limit])


def withdrawal_of(*, user_id: int, withdrawal_id: int) -> Withdrawal:
    """The user's own withdrawal. Raises WithdrawalNotFound, also for somebody else's."""
    found = Withdrawal.objects.filter(pk=withdrawal_id, user_id=user_id).first()
    if found is None:
        raise WithdrawalNotFound()
    return found


def withdrawal_is_open(user_id: int) -> bool:
    """Whether coins of this user are leaving right now."""
    return Withdrawal.objects.filter(user_id=user_id, status__in=OPEN).exists()


def withdrawn_cents(user_id: int, *, until: dt.datetime) -> int:
    """What the user has asked for and was not refused in the 30 days before `until`, in CNY cents."""
    rows = Withdrawal.objects.filter(user_id=user_id, created_at__gt=until - LOOK_BACK, created_at__lte=until)
    return rows.exclude(status=WithdrawalState.REJECTED).aggregate(total=Sum("amount_cents"))["total"] or 0


def flags_of(withdrawal: Withdrawal) -> list[str]:
    """Why it needs a closer look: another payee than last time, a phone or password changed in the week before or since."""
    changes = sign_in_changes(withdrawal.user_id, since=withdrawal.created_at - CHANGE_LOOK_BACK)
    flags = sorted(f"{name}_changed" for name in changes)
    earlier = Withdrawal.objects.filter(user_id=withdrawal.user_id, method=withdrawal.method, pk__lt=withdrawal.pk or 2**62)
    last = earlier.exclude(status=WithdrawalState.REJECTED).order_by("-pk").first()
    if last is not None and bytes(last.account_digest) != bytes(withdrawal.account_digest):
        flags.append("payee_changed")
    return flags


def payout_confirming(withdrawal: Withdrawal) -> Payout | None:
    """The payout that the payee must confirm in their own app now, or None."""
    return withdrawal.payouts.filter(state=Payout.State.CONFIRMING).first()
