"""Row locks of the room: one order at a time, before any wallet and any event log."""

from __future__ import annotations

from payments.exceptions import PaymentNotFound
from payments.models import Order


def order_lock(order_id: int) -> Order:
    """The order, locked until the transaction ends. Raises PaymentNotFound."""
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise PaymentNotFound()
    return order
