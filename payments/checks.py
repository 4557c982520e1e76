"""What is looked at before the platform serves: the catalogue as it is, and the gateways as they are configured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ValidationError
from django.db import ProgrammingError
from django.utils.module_loading import import_string

from payments.models import Currency, ProductPrice

GATEWAYS = (
    "payments.gateways.stripe.checks.stripe_settings",
    "payments.gateways.wechat.checks.wechat_check",
    "payments.gateways.alipay.checks.alipay_check",
)
"""Named, not imported: only a process that checks pays for the SDKs."""


@register(Tags.database)
def catalogue_check(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """No active price is worth more in the books than its currency's floor rate, and at none does dealing with oneself pay.

    `save()` refuses such a price; this finds one that came past it, or that new rates have made one. Nothing while the tables or the
    currencies are still to come: `migrate` checks before it migrates.
    """
    if not databases:
        return []
    try:
        return list(_catalogue_faults())
    except ProgrammingError:
        return []


def _catalogue_faults() -> Iterator[CheckMessage]:
    currencies = Currency.objects.in_bulk()
    if not currencies:
        return
    for price in ProductPrice.objects.filter(product__is_active=True).select_related("product"):
        try:
            price.judge(currencies.get(price.currency))
        except ValidationError as error:
            yield Error(f"{price.product} in {price.currency}: {' '.join(error.messages)}", id="payments.E001")


@register()
def gateways_check(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each gateway is off or configured as a whole."""
    return [message for path in GATEWAYS for message in import_string(path)(app_configs=app_configs)]
