"""The lives of orders, refunds, disputes, withdrawals and payouts, and the fate of a notice. Each contract spells them in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.db import models

State = TypeVar("State", bound=models.TextChoices)


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


class RefundState(models.TextChoices):
    """Where a refund is."""

    REQUESTED = "requested"
    WAITING = "waiting"
    REJECTED = "rejected"
    SENDING = "sending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REFUND_EDGES: dict[RefundState, frozenset[RefundState]] = {
    RefundState.REQUESTED: frozenset(
        {
            RefundState.REJECTED,  # an operator said no, with a reason that the user sees
            RefundState.WAITING,  # an operator said yes to more than is unspent: a second one is needed
            RefundState.SENDING,  # an operator said yes: the credits are taken back, the gateway is asked next
        }
    ),
    RefundState.WAITING: frozenset(
        {
            RefundState.REJECTED,  # the second operator said no
            RefundState.SENDING,  # the second operator said yes
        }
    ),
    RefundState.REJECTED: frozenset(),
    RefundState.SENDING: frozenset(
        {
            RefundState.PROCESSING,  # the gateway took it and will tell
            RefundState.SUCCEEDED,  # the gateway says that the money is back
            RefundState.FAILED,  # the gateway refused for good: the credits are given back
        }
    ),
    RefundState.PROCESSING: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.SUCCEEDED: frozenset(
        {
            RefundState.FAILED,  # it failed after the gateway had called it done (a closed bank account)
        }
    ),
    RefundState.FAILED: frozenset(),
}


class DisputeState(models.TextChoices):
    """Where a dispute (a charge-back) is. `WARNING` is an enquiry: no money has moved."""

    WARNING = "warning"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


DISPUTE_EDGES: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.WARNING: frozenset(
        {
            DisputeState.OPEN,  # the enquiry became a charge-back: the money is gone for now
            DisputeState.WON,  # the enquiry was closed without one
            DisputeState.LOST,
        }
    ),
    DisputeState.OPEN: frozenset({DisputeState.WON, DisputeState.LOST}),
    DisputeState.WON: frozenset(),
    DisputeState.LOST: frozenset(
        {
            DisputeState.WON,  # an appeal was won
        }
    ),
}


class WithdrawalState(models.TextChoices):
    """Where a withdrawal is. `UNKNOWN` is the quarantine: it was sent and nobody knows yet whether it arrived."""

    APPLIED = "applied"
    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    PAID = "paid"
    REJECTED = "rejected"


WITHDRAWAL_EDGES: dict[WithdrawalState, frozenset[WithdrawalState]] = {
    WithdrawalState.APPLIED: frozenset(
        {
            WithdrawalState.APPROVED,  # as many operators as it needs have approved
            WithdrawalState.REJECTED,  # an operator said no, or a lost dispute took its coins
        }
    ),
    WithdrawalState.APPROVED: frozenset(
        {
            WithdrawalState.SENDING,  # a payout of its own number is claimed; the gateway is asked next
            WithdrawalState.PAID,  # paid by hand, with evidence
            WithdrawalState.REJECTED,  # an operator took the approval back
        }
    ),
    WithdrawalState.SENDING: frozenset(
        {
            WithdrawalState.PAID,  # the gateway says that the money arrived
            WithdrawalState.APPROVED,  # the gateway refused for good: it may be paid another way
            WithdrawalState.UNKNOWN,  # no answer: looked up, never sent again blindly
        }
    ),
    WithdrawalState.UNKNOWN: frozenset(
        {
            WithdrawalState.PAID,  # found, and it arrived
            WithdrawalState.APPROVED,  # found refused, or never known at the gateway
        }
    ),
    WithdrawalState.PAID: frozenset(
        {
            WithdrawalState.REJECTED,  # the bank sent it back later: the coins are back
        }
    ),
    WithdrawalState.REJECTED: frozenset(),
}


def before(state: State, edges: Mapping[State, frozenset[State]]) -> frozenset[State]:
    """The states from which `edges` lead to `state`."""
    return frozenset(old for old, following in edges.items() if state in following)


class NoticeFate(models.TextChoices):
    """What became of a notice from outside."""

    RECEIVED = "received"  # proven and stored, not acted on yet
    UNPROVEN = "unproven"  # no valid signature, or the channel is off: nothing moved, kept for a while
    FULFILLED = "fulfilled"  # it brought the order's credits
    RECORDED = "recorded"  # it moved the order, a refund, a dispute or a payout to another state, or is noted on it
    SUPERSEDED = "superseded"  # proven, but what it speaks of is already further
    REFUSED = "refused"  # proven, but of another order, amount or currency: somebody must look
    IGNORED = "ignored"  # proven and none of our business
