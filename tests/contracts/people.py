"""People who use the contracts, and gateways that call them."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from accounts.models import Event, User
from accounts.services.api_key import SCOPES, api_key_create
from accounts.services.session import session_open
from config.kernel import clock
from credits.models import Posting, Wallet
from credits.services.wallet import mature, transfer
from payments.models import Order, Withdrawal
from payments.services.sandbox import sandbox_pay
from tests.contracts.client import ContractClient

DAY_S = 86_400
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Somebody:
    """A user with a session and a client that sends it."""

    user: User
    client: ContractClient

    @property
    def wallet(self) -> Wallet:
        return Wallet.objects.get(pk=self.user.pk)


def signed_in(user: User, contract: str) -> Somebody:
    """`user` with a session of their own."""
    token = session_open(user=user, form="body", access_life_s=7 * DAY_S, refresh_life_s=30 * DAY_S).access_token
    return Somebody(user, ContractClient(contract, token))


def by_key(user: User, contract: str, scopes: Any = SCOPES) -> ContractClient:
    """A client that shows a personal key of `user` as Bearer."""
    return ContractClient(contract, api_key_create(user_id=user.pk, name="test", scopes=scopes).key)


def tipped(payer: User, creator: User, amount: int, kind: str = "tip") -> None:
    """The payer gave so many credits: 90 % of what was paid for are the creator's pending coins."""
    key = f"{kind}-{next(_numbers)}"
    transfer(from_user_id=payer.pk, to_user_id=creator.pk, key=key, kind=kind, ref=key, amount=amount, at=clock.now())


def matured(after: dt.timedelta = dt.timedelta(days=61)) -> None:
    """All pending coins are available."""
    while mature(at=clock.now() + after):
        pass


def paid_at_the_sandbox(order: Order) -> Order:
    """The payer paid on the sandbox's page."""
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=clock.now())
    order.refresh_from_db()
    return order


def path_of(url: str) -> str:
    """The path of an address of ours."""
    return urlsplit(url).path


def moved() -> tuple[Any, ...]:
    """Everything that a refusal must leave as it was."""
    orders = tuple(Order.objects.order_by("pk").values_list("pk", "status", "paid_at"))
    withdrawals = tuple(Withdrawal.objects.order_by("pk").values_list("pk", "status"))
    return Posting.objects.count(), orders, withdrawals, Event.objects.count()
