"""Reads of orders, each from its viewer."""

from __future__ import annotations

import re
from uuid import UUID

from payments.exceptions import PaymentNotFound
from payments.models import Order

NUMBER = re.compile(r"[MR][0-9]{8}([0-9]{7,18})")


def order_of(*, user_id: int, order_uuid: UUID | None) -> Order:
    """The user's own order. Raises PaymentNotFound, also for somebody else's."""
    order = Order.objects.filter(uuid=order_uuid, user_id=user_id).first() if order_uuid else None
    if order is None:
        raise PaymentNotFound()
    return order


def order_by_number(number: str, user_id: int) -> Order:
    """The user's own order of the number that people read (`Order.number`). Raises PaymentNotFound, also for somebody else's."""
    match = NUMBER.fullmatch(number)
    order = Order.objects.filter(pk=int(match[1]), user_id=user_id).first() if match else None
    if order is None or order.number != number:
        raise PaymentNotFound()
    return order


def orders_of(*, user_id: int, before_id: int | None = None, limit: int = 20) -> list[Order]:
    """The user's orders, newest first, older than `before_id` (keyset: flat at any depth)."""
    rows = Order.objects.filter(user_id=user_id)
    return list((rows.filter(pk__lt=before_id) if before_id else rows).order_by("-pk")[:limit])
