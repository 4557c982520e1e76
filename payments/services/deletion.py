"""Why an account must stay for now: money is on its way in or out."""

from __future__ import annotations

from credits.models import Wallet
from payments.models import Order
from payments.selectors.dispute import is_open_for
from payments.selectors.withdrawal import withdrawal_is_open
from payments.states import OrderState


def deletion_blocker(user_id: int) -> str | None:
    """The reason (English) why this user cannot be deleted now, or None (`config/reactions.py`)."""
    if withdrawal_is_open(user_id):
        return "a withdrawal is being worked on"
    if is_open_for(user_id):
        return "a payment is disputed"
    if Wallet.objects.filter(pk=user_id, shortfall__gt=0).exists():
        return "credits that were paid back are still owed"
    if Order.objects.filter(user_id=user_id, status=OrderState.PENDING, processing_at__isnull=False).exists():
        return "a payment is on its way"
    return None
