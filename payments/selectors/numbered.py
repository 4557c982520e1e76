"""A user's orders by page number."""

from __future__ import annotations

from dataclasses import dataclass

from config.kernel.sql import fetch_one
from payments.models import Order

COUNTED_EXACTLY = 10_000
# One index-only pass gives both the count and the place where the page begins, so that page 1,000 costs what page 1 does.
ANCHOR = """
SELECT count(*) AS total, (array_agg(s.id ORDER BY s.id DESC))[%s::int] AS anchor FROM (
  SELECT id FROM payments_order WHERE user_id = %s::bigint AND kind = %s::text ORDER BY id DESC LIMIT %s::bigint) s
"""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of orders with their products, newest first; `total` is exact up to 10,000 (or up to the page's end beyond)."""

    orders: list[Order]
    total: int


def orders_page_numbered(*, user_id: int, kind: str, page: int, page_size: int) -> OrderPage:
    """Page `page` (from 1) of the user's orders of one kind, whichever contract took them; beyond the end it is empty. Two statements."""
    offset = (page - 1) * page_size
    head = fetch_one(ANCHOR, (offset + 1, user_id, kind, max(COUNTED_EXACTLY, offset + page_size)))
    if head.anchor is None:
        return OrderPage([], head.total)
    rows = Order.objects.filter(user_id=user_id, kind=kind, pk__lte=head.anchor).select_related("product").order_by("-pk")
    return OrderPage(list(rows[:page_size]), head.total)
