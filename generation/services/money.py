"""A task's money: its spend (or hold) has the key `task:<uuid>`, and every way it can end has one of its own, so that each happens once."""

from __future__ import annotations

import datetime as dt
import hashlib

from config.kernel.sql import fetch_one
from generation.models import Task

CAPTURE = "select 1 from credits_capture(%s::bigint, %s::bigint, %s::text, %s::timestamptz)"
RELEASE = "select 1 from credits_release(%s::bigint, %s::text, %s::timestamptz)"
REFUND = "select 1 from credits_refund(%s::bigint, %s::text, %s::text, %s::timestamptz)"
RAISE = "select 1 from credits_hold_raise(%s::bigint, %s::bigint, %s::timestamptz)"
SPEND = """
select 1 from credits_spend(%s::bigint, %s::text, %s::bytea, 'spend', %s::text, %s::bigint, true, null::bigint, null::text, %s::timestamptz)
"""


def charge(task: Task, amount: int, at: dt.datetime) -> None:
    """Of the task's hold `amount` credits are spent, the rest is free again. Locks the wallet. Raises HoldResolved."""
    fetch_one(CAPTURE, (task.hold_id, amount, f"task-capture:{task.uuid}", at))


def give_back(task: Task, at: dt.datetime) -> None:
    """All that the task cost or held is its owner's again, in the buckets it came from, once for ever. Locks the wallet."""
    if task.hold_id is not None:
        fetch_one(RELEASE, (task.hold_id, f"task-release:{task.uuid}", at))
    else:
        fetch_one(REFUND, (task.user_id, f"task-refund:{task.uuid}", f"task:{task.uuid}", at))


def raise_hold(task: Task, amount_total: int, at: dt.datetime) -> None:
    """The task's hold is `amount_total` credits from now on. Locks the wallet. Raises InsufficientCredits, BudgetExceeded, HoldResolved."""
    fetch_one(RAISE, (task.hold_id, amount_total, at))


def pay_late(task: Task, amount: int, at: dt.datetime) -> None:
    """A late output is paid with `amount` credits, once. Locks the wallet. Raises InsufficientCredits."""
    key = f"task-late:{task.uuid}"
    fetch_one(SPEND, (task.user_id, key, hashlib.sha256(f"{key}|{amount}".encode()).digest(), key, amount, at))
