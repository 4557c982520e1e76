"""A task's money: its spend (or hold) has the key `task:<uuid>`, and every way it can end one of its own, so that each happens once."""

from __future__ import annotations

import datetime as dt

from credits.services.hold import hold_capture, hold_raise, hold_release
from credits.services.wallet import refund, spend
from generation.models import Task


def charge(task: Task, amount: int, at: dt.datetime) -> None:
    """Of the task's hold (if it has one) `amount` credits are spent, the rest is free again. Locks the wallet. Raises HoldResolved."""
    if task.hold_id is not None:
        hold_capture(hold_id=task.hold_id, amount=amount, key=f"task-capture:{task.uuid}", at=at)


def give_back(task: Task, at: dt.datetime) -> None:
    """All that the task cost or held is its owner's again, in the buckets it came from, once for ever. Locks the wallet."""
    if task.hold_id is not None:
        hold_release(hold_id=task.hold_id, key=f"task-release:{task.uuid}", at=at)
    else:
        refund(user_id=task.user_id, key=f"task-refund:{task.uuid}", spend_key=f"task:{task.uuid}", at=at)


def raise_hold(task: Task, amount_total: int, at: dt.datetime) -> None:
    """The task's hold is `amount_total` credits from now on. Locks the wallet. Raises InsufficientCredits, BudgetExceeded, HoldResolved."""
    if task.hold_id is not None:
        hold_raise(hold_id=task.hold_id, amount_total=amount_total, at=at)


def pay_late(task: Task, amount: int, at: dt.datetime) -> None:
    """A late output is paid with `amount` credits, once. Locks the wallet. Raises InsufficientCredits."""
    key = f"task-late:{task.uuid}"
    spend(user_id=task.user_id, key=key, ref=key, amount=amount, at=at)
