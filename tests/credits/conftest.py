"""What the tests of the books share: people with credits, a moment, and a look at everything that may move."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from config.kernel.sql import fetch_one
from credits.models import Campaign, Hold, Posting, SpendLimit, SpendUsage, Transaction, Wallet
from credits.services.wallet import grant, input_digest, wallet_open

AT = dt.datetime(2026, 3, 1, 4, 0, tzinfo=dt.UTC)
"""A moment: noon in Shanghai."""
_numbers = itertools.count(1)

Person = Callable[..., int]


def order_settle(user_id: int, *, paid: int, bonus: int = 0, cents: int | None = None, key: str = "", **more: Any) -> Any:
    """A paid sandbox order: 10 cents a paid credit unless told."""
    values = {"channel": "sandbox", "bonus_source": "sales", "at": AT, **more}
    cents = paid * 10 if cents is None else cents
    return fetch_one(
        "SELECT * FROM credits_order_settle(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::bigint, %s::text, %s::bigint,"
        " %s::text, %s::timestamptz)",
        (user_id, key or f"order:{next(_numbers)}", input_digest(paid, bonus, cents), "order", paid, bonus, values["channel"], cents,
         values["bonus_source"], values["at"]),
    )  # fmt: skip


def make_person(*, paid: int = 0, bonus: int = 0) -> int:
    """A user's id, with a wallet: `paid` by a settled order, `bonus` out of a campaign."""
    number = next(_numbers)
    user = User.objects.create(username=f"books{number}", created_at=AT)
    wallet_open(user_id=user.pk)
    if bonus:
        grant(user_id=user.pk, key="start", kind="gift", ref="start", bonus=bonus, source="campaign:activities", at=AT)
    if paid:
        order_settle(user.pk, paid=paid)
    return user.pk


@pytest.fixture
def person() -> Person:
    """`person(paid=…, bonus=…)` makes a user with a wallet and returns their id. The test brings the database."""
    return make_person


def buckets(user_id: int) -> tuple[int, int, int, int]:
    """paid, bonus, held_paid, held_bonus."""
    wallet = Wallet.objects.get(pk=user_id)
    return wallet.paid, wallet.bonus, wallet.held_paid, wallet.held_bonus


def moved() -> tuple[Any, ...]:
    """Everything that a refusal must leave as it was."""
    return (
        list(Wallet.objects.order_by("pk").values_list()),
        Transaction.objects.count(),
        Posting.objects.count(),
        list(Hold.objects.order_by("pk").values_list()),
        list(Campaign.objects.order_by("pk").values_list("pk", "remaining_credits")),
        list(SpendLimit.objects.order_by("pk").values_list("pk", "used_credits")),
        list(SpendUsage.objects.order_by("pk").values_list("pk", "used_credits")),
    )


@contextmanager
def triggers_off(*tables: str) -> Iterator[None]:
    """Inside, the database's own guards on `tables` are off: what somebody with its password could do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def execute(statement: str, params: tuple[Any, ...] = ()) -> int:
    """One statement past the ORM; the number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount
