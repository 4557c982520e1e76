"""The life of an order and the fate of a notice. Each contract spells the states in its own words."""

from django.db import models


class OrderState(models.TextChoices):
    """Where an order is."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    PARTIAL_REFUNDED = "partial_refunded"


EDGES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PENDING: frozenset(
        {
            OrderState.SUCCEEDED,  # a proven payment of exactly this order (`fulfil`)
            OrderState.FAILED,  # the gateway refused the order, or said that the payment failed
            OrderState.CANCELLED,  # the payer gave up, or the checkout was closed before its time
            OrderState.EXPIRED,  # its time is over, the gateway was asked and has closed it
        }
    ),
    OrderState.FAILED: frozenset(
        {
            OrderState.SUCCEEDED,  # the payer tried again at the gateway and the money came
        }
    ),
    OrderState.CANCELLED: frozenset(
        {
            OrderState.SUCCEEDED,  # the payer came back to an open checkout and the money came
        }
    ),
    OrderState.EXPIRED: frozenset(
        {
            OrderState.SUCCEEDED,  # the money came late: it is honoured, never lost
        }
    ),
    OrderState.SUCCEEDED: frozenset(
        {
            OrderState.PARTIAL_REFUNDED,  # a part of the money went back
            OrderState.REFUNDED,  # all of the money went back
        }
    ),
    OrderState.PARTIAL_REFUNDED: frozenset(
        {
            OrderState.REFUNDED,  # the rest of the money went back
            OrderState.SUCCEEDED,  # the only refund failed after the gateway had called it done
        }
    ),
    OrderState.REFUNDED: frozenset(
        {
            OrderState.PARTIAL_REFUNDED,  # one of several refunds failed after the gateway had called it done
            OrderState.SUCCEEDED,  # the refund failed after the gateway had called it done
        }
    ),
}

PAID = frozenset({OrderState.SUCCEEDED, OrderState.PARTIAL_REFUNDED, OrderState.REFUNDED})
"""States of an order whose money came in once; its credits are never posted again."""


def before(state: OrderState) -> frozenset[OrderState]:
    """The states from which an order may move to `state`."""
    return frozenset(old for old, following in EDGES.items() if state in following)


class NoticeFate(models.TextChoices):
    """What became of a notice from outside."""

    RECEIVED = "received"  # proven and stored, not acted on yet
    UNPROVEN = "unproven"  # no valid signature, or the channel is off: nothing moved, kept for a while
    FULFILLED = "fulfilled"  # it brought the order's credits
    RECORDED = "recorded"  # it moved the order to another state, or is noted on it
    SUPERSEDED = "superseded"  # proven, but the order is already further
    REFUSED = "refused"  # proven, but of another order, amount or currency: somebody must look
    IGNORED = "ignored"  # proven and none of our business
