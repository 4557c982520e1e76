"""Reads of disputes."""

from __future__ import annotations

from credits.selectors.clawback import is_blocked
from payments.models import Dispute
from payments.states import DisputeState

UNDECIDED = (DisputeState.WARNING, DisputeState.OPEN)


def is_open_for(user_id: int) -> bool:
    """Whether a dispute of the user's own payment is undecided (an enquiry counts), or one of somebody else's blocks coins of theirs."""
    own = Dispute.objects.filter(order__user_id=user_id, status__in=UNDECIDED)
    return own.exists() or is_blocked(user_id)


def is_disputed(order_id: int) -> bool:
    """Whether the order's money is under a charge-back that is not decided."""
    return Dispute.objects.filter(order_id=order_id, status=DisputeState.OPEN).exists()
