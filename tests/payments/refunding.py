"""What the tests of refunds and disputes share: paid orders, operators, tips, and a look at where everything is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from accounts.models import Event
from config.kernel import clock as kernel_clock
from credits.models import Posting, Wallet
from credits.services.wallet import spend, transfer
from payments.models import Alarm, Order, Refund
from payments.services.catalogue import terms_of_product
from payments.services.order import order_create
from payments.services.refund import refund_approve, refund_create, refund_send
from tests.payments.conftest import deliver
from tests.payments.stripe_server import StripeServer


def now() -> Any:
    """Business time."""
    return kernel_clock.now()


def paid_order(server: StripeServer, user: Any, **more: Any) -> Order:
    """1,000 paid and 100 bonus credits for 100.00 CNY, paid through Stripe and settled by its notice."""
    terms = replace(terms_of_product(contract="video", slug="standard"), paid_credits=1_000, bonus_credits=100)
    order = order_create(user_id=user.pk, terms=terms, channel="stripe", at=now(), **more)
    deliver(*server.event("checkout.session.completed", server.pay(order.external_id)))
    order.refresh_from_db()
    assert order.status == "succeeded"
    return order


def charge_of(server: StripeServer, order: Order) -> dict[str, Any]:
    """Stripe's charge of the order."""
    return next(charge for charge in server.charges.values() if charge["payment_intent"] == order.charge_id)


def refunded(order: Order, operator: Any, cents: int, *, key: str = "k", second: Any = None) -> Refund:
    """An operator refunds (with `second`, two do), and the gateway is told."""
    refund = refund_create(order_id=order.pk, operator=operator, amount_cents=cents, reason="asked for", idempotency_key=key, at=now())
    if second is not None:
        refund = refund_approve(refund_id=refund.pk, operator=second, reason="agreed", at=now())
    refund = refund_send(refund_id=refund.pk, at=now())
    order.refresh_from_db()
    return refund


def used(user: Any, credits_count: int, *, key: str = "use") -> None:
    """The user has generated something, with paid credits first."""
    spend(user_id=user.pk, key=key, ref=f"task:{key}", amount=credits_count, bonus_first=False, at=now())


def tipped(payer: Any, creator: Any, credits_count: int, *, key: str = "tip") -> None:
    """The payer has tipped the creator."""
    transfer(from_user_id=payer.pk, to_user_id=creator.pk, key=key, kind="tip", ref=f"work:{key}", amount=credits_count, at=now())


def wallet(user: Any) -> Wallet:
    """The wallet as it is now."""
    return Wallet.objects.get(pk=user.pk)


def buckets(user: Any) -> tuple[int, ...]:
    """Paid, bonus, shortfall, open disputes; pending, available and leaving coins."""
    found = wallet(user)
    return (found.paid, found.bonus, found.shortfall, found.disputes, found.coins_pending, found.coins, found.coins_leaving)


def cny(account: str) -> int:
    """The account's CNY cents."""
    return sum(Posting.objects.filter(account=account, unit="cny").values_list("amount", flat=True))


def kinds(user: Any) -> list[str]:
    """The user's events about orders, refunds and disputes, in order."""
    prefixes = ("order.", "refund.", "dispute.")
    return [kind for kind in Event.objects.filter(user=user).order_by("number").values_list("kind", flat=True) if kind.startswith(prefixes)]


def alarms() -> set[str]:
    """The kinds of open alarms."""
    return set(Alarm.objects.filter(closed_at=None).values_list("kind", flat=True))


def lose_next_refund_answer(server: StripeServer) -> None:
    """Stripe makes the next refund, and its answer is lost, however often the client repeats at once."""
    make = server._refund

    def made(asked: dict[str, Any]) -> dict[str, Any]:
        server._refund = make  # type: ignore[method-assign]
        server.fail_next = [500] * 3
        return make(asked)

    server._refund = made  # type: ignore[method-assign]
