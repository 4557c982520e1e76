"""What the tests of memberships and cards share: things bought and paid for at a given moment, and what was told about them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from accounts.models import Event
from config.kernel import clock as kernel_clock
from credits.models import Campaign
from payments.gateways.base import Outcome, Standing
from payments.models import Order
from payments.services.catalogue import terms_of_product
from payments.services.fulfil import Verdict, fulfil
from payments.services.order import order_place


def shanghai(*moment: int) -> dt.datetime:
    """A moment as the clocks of Shanghai show it, in UTC."""
    return dt.datetime(*moment, tzinfo=kernel_clock.SHANGHAI).astimezone(dt.UTC)  # type: ignore[arg-type, misc]


def placed(user: Any, slug: str, at: dt.datetime, *, channel: str = "sandbox", **more: Any) -> Order:
    """An order of a membership or of something of `skyriff`, not paid."""
    contract = "studio" if slug in ("monthly", "quarterly", "yearly") else "skyriff"
    return order_place(user_id=user.pk, terms=terms_of_product(contract=contract, slug=slug), channel=channel, at=at, **more)


def paid(order: Order, at: dt.datetime) -> Verdict:
    """The order's money is proven."""
    evidence = Standing(Outcome.PAID, order.uuid, order.external_id, f"charge-{order.pk}", order.amount_cents, order.currency)
    verdict = fulfil(order_id=order.pk, evidence=evidence, at=at)
    order.refresh_from_db()
    return verdict


def bought(user: Any, slug: str, at: dt.datetime, **more: Any) -> Order:
    """Ordered and paid at one moment."""
    order = placed(user, slug, at, **more)
    paid(order, at)
    return order


def told(user: Any, prefix: str) -> list[tuple[str, Any]]:
    """The user's events of a kind's family, in order: what happened, and days, reason or nothing."""
    rows = Event.objects.filter(user=user, kind__startswith=f"{prefix}.").order_by("number")
    return [(event.kind.partition(".")[2], event.payload.get("days", event.payload.get("reason"))) for event in rows]


def left_in(slug: str = "monthly-cards") -> int:
    """What remains of a campaign."""
    return Campaign.objects.values_list("remaining_credits", flat=True).get(slug=slug)
