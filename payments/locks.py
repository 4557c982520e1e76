"""Row locks of the room: the order, then its refund or dispute; a withdrawal, then its payout; all before any wallet and any event log."""

from __future__ import annotations

from uuid import UUID

from config.kernel.sql import fetch_one
from payments.exceptions import PaymentNotFound, WithdrawalNotFound
from payments.models import Dispute, Order, Payout, Refund, Withdrawal


def order_lock(order_id: int) -> Order:
    """The order, locked until the transaction ends. Raises PaymentNotFound."""
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise PaymentNotFound()
    return order


def order_lock_by_uuid(order_uuid: UUID) -> Order | None:
    """The order of that number, locked until the transaction ends, or None."""
    return Order.objects.select_for_update().filter(uuid=order_uuid).first()


def refund_lock(refund_id: int) -> Refund:
    """The refund with its order, both locked until the transaction ends, the order first. Raises PaymentNotFound."""
    order_id = Refund.objects.filter(pk=refund_id).values_list("order_id", flat=True).first()
    order = order_lock(order_id or 0)
    refund = Refund.objects.select_for_update().get(pk=refund_id)
    refund.order = order
    return refund


def dispute_lock(dispute_id: int) -> Dispute:
    """The dispute with its order, both locked until the transaction ends, the order first. Raises PaymentNotFound."""
    order_id = Dispute.objects.filter(pk=dispute_id).values_list("order_id", flat=True).first()
    order = order_lock(order_id or 0)
    dispute = Dispute.objects.select_for_update().get(pk=dispute_id)
    dispute.order = order
    return dispute


def withdrawal_lock(withdrawal_id: int) -> Withdrawal:
    """The withdrawal, locked until the transaction ends. Raises WithdrawalNotFound."""
    withdrawal = Withdrawal.objects.select_for_update().filter(pk=withdrawal_id).first()
    if withdrawal is None:
        raise WithdrawalNotFound()
    return withdrawal


def payout_lock(payout_id: int) -> Payout:
    """The payout with its withdrawal, both locked until the transaction ends, the withdrawal first. Raises WithdrawalNotFound."""
    withdrawal_id = Payout.objects.filter(pk=payout_id).values_list("withdrawal_id", flat=True).first()
    withdrawal = withdrawal_lock(withdrawal_id or 0)
    payout = Payout.objects.select_for_update().get(pk=payout_id)
    payout.withdrawal = withdrawal
    return payout


def subscriptions_lock(user_id: int) -> None:
    """The user's memberships and cards are locked until the transaction ends, by the row of their wallet.

    A settlement holds that row anyhow; who needs an order's row takes it before, the event log comes after. May raise DatabaseUnavailable.
    """
    fetch_one("SELECT credits_wallet_open(%s::bigint)", (user_id,))
    fetch_one("SELECT (credits_wallet_lock(%s::bigint)).user_id", (user_id,))
