"""The reader's own order, or no page at all."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from config.kernel.principal import Principal
from payments.exceptions import PaymentNotFound
from payments.models import Order
from payments.selectors.order import order_of


def own_order(principal: Principal, order_uuid: UUID) -> Order:
    """The reader's own order. Raises Http404, also for somebody else's."""
    try:
        return order_of(user_id=principal.user_id, order_uuid=order_uuid)
    except PaymentNotFound as error:
        raise Http404(order_uuid) from error
