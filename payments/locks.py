"""Row locks of the room: an order or a withdrawal (then its payout) at a time, before any wallet and any event log."""

from __future__ import annotations

from payments.exceptions import PaymentNotFound, WithdrawalNotFound
from payments.models import Order, Payout, Withdrawal


def order_lock(order_id: int) -> Order:
    """The order, locked until the transaction ends. Raises PaymentNotFound."""
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise PaymentNotFound()
    return order


def withdrawal_lock(withdrawal_id: int) -> Withdrawal:
    """The withdrawal, locked until the transaction ends. Raises WithdrawalNotFound."""
    withdrawal = Withdrawal.objects.select_for_update().filter(pk=withdrawal_id).first()
    if withdrawal is None:
        raise WithdrawalNotFound()
    return withdrawal


def payout_lock(payout_id: int) -> Payout:
    """The payout with its withdrawal, both locked, the withdrawal first. Raises WithdrawalNotFound."""
    withdrawal = withdrawal_lock(Payout.objects.filter(pk=payout_id).values_list("withdrawal_id", flat=True).first() or 0)
    payout = Payout.objects.select_for_update().get(pk=payout_id)
    payout.withdrawal = withdrawal
    return payout
