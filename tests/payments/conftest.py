"""What the tests of payments share: Stripe next door, buyers, and a look at everything that may move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.utils import translation

from accounts.models import Event
from config.kernel import clock as kernel_clock
from credits.models import Posting, Wallet
from payments.models import Notice, Order
from payments.services.catalogue import terms_of_product
from payments.services.notice import Receipt, notice_receive
from payments.services.order import order_create
from tests.payments.stripe_server import StripeServer


@pytest.fixture(autouse=True)
def _english(settings: Any) -> Iterator[None]:
    """The tests read texts for people in the language they are written in; none speaks the language of another."""
    settings.LANGUAGE_CODE = "en"
    with translation.override("en"):
        yield


@pytest.fixture
def demo(settings: Any) -> None:
    """Demo mode, with the sandbox's own secrets."""
    settings.DEMO = True
    settings.STRIPE_SECRET_KEY = settings.STRIPE_WEBHOOK_SECRET = ""


@pytest.fixture
def production(settings: Any) -> None:
    """No demo mode and nothing configured. The routes stay those that the process began with, whichever test asks for them first."""
    import_module(settings.ROOT_URLCONF)
    settings.DEMO = False
    settings.STRIPE_SECRET_KEY = settings.STRIPE_WEBHOOK_SECRET = ""
    settings.REDIRECT_URIS = ["https://shop.example/paid"]


@pytest.fixture
def stripe_server(production: None, settings: Any) -> Iterator[StripeServer]:
    """Stripe next door, and a platform that is configured for it."""
    server = StripeServer()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = server.secret_key, server.webhook_secret
    settings.STRIPE_API_BASE = server.base
    yield server
    server.close()


Buy = Callable[..., Order]


@pytest.fixture
def buy() -> Buy:
    """`buy(user)` orders the standard package (100.00 CNY, 1,100 credits) through Stripe."""

    def make(user: Any, *, channel: str = "stripe", **more: Any) -> Order:
        more.setdefault("at", kernel_clock.now())
        return order_create(user_id=user.pk, terms=terms_of_product(contract="video", slug="standard"), channel=channel, **more)

    return make


def deliver(body: bytes, headers: dict[str, str], source: str = "stripe") -> Receipt:
    """A notice arrives."""
    return notice_receive(source=source, body=body, headers=headers, at=kernel_clock.now())


def credits_of(user: Any) -> int:
    """Paid and bonus credits of the wallet."""
    wallet = Wallet.objects.get(pk=user.pk)
    return wallet.paid + wallet.bonus


def moved() -> tuple[Any, ...]:
    """Everything that a payment may move: postings, orders' states, events."""
    orders = tuple(Order.objects.order_by("pk").values_list("pk", "status", "paid_at", "external_id"))
    return Posting.objects.count(), orders, Event.objects.count()


def fates(**which: Any) -> list[str]:
    """The fates of the notices in the inbox, in order."""
    return list(Notice.objects.filter(**which).order_by("pk").values_list("fate", flat=True))
