"""The price list as a page: what credits cost, what things cost in credits, memberships and the monthly card."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from generation.kinds import KINDS
from generation.web.wording import MODE, OTHER_LABELS, PAGE_KINDS, QUALITY, Choice, kind_label
from operations.web.prices import Listed, PriceBook
from payments.models import Product, ProductPrice
from payments.selectors.product import prices_of
from payments.web.wording import money, product_name

Kind, Contract = Product.Kind, Product.Contract
BEST = "standard"
GRADES = (QUALITY, MODE)
"""The choices that have a price each."""


@require_GET
def pricing(request: HttpRequest) -> HttpResponse:
    """What everything costs; it can be read signed out."""
    book = PriceBook()
    clip = book.price("video/text-to-video", {"quality": "standard"})
    context = {
        "section": "pricing",
        "packs": [_pack(price, clip) for price in prices_of(contract=Contract.VIDEO, kind=Kind.CREDIT_PACK)],
        "kinds": _kinds(book),
        "memberships": [_membership(price) for price in prices_of(contract=Contract.STUDIO, kind=Kind.MEMBERSHIP)],
        "cards": [_card(price) for price in prices_of(contract=Contract.SKYRIFF, kind=Kind.MONTHLY_CARD)],
    }
    return render(request, "pages/pricing.html", context)


def _buy(product: Product) -> str:
    return f"{reverse('buy')}?product={product.contract}/{product.slug}"


def _pack(price: ProductPrice, clip: Listed | None) -> dict[str, Any]:
    product = price.product
    return {
        "name": product_name(product),
        "credits": product.credits,
        "unit": f"¥{price.unit_price()}",
        "clips": product.credits // clip.amount if clip and clip.amount else None,
        "price": money(price.amount_cents, price.currency),
        "href": _buy(product),
        "is_best": product.slug == BEST,
    }


def _membership(price: ProductPrice) -> dict[str, Any]:
    product = price.product
    a_month = money(round(price.amount_cents / product.period_months), price.currency)
    lengths = {1: _("a month"), 3: _("a quarter"), 12: _("a year")}
    return {
        "name": product_name(product),
        "price": money(price.amount_cents, price.currency),
        "length": lengths.get(product.period_months, _("%(n)s months") % {"n": product.period_months}),
        "a_month": "" if product.period_months == 1 else _("%(price)s a month.") % {"price": a_month},
        "href": _buy(product),
    }


def _card(price: ProductPrice) -> dict[str, Any]:
    product = price.product
    return {
        "name": product_name(product),
        "price": money(price.amount_cents, price.currency),
        "days": product.period_days,
        "a_day": product.claim_credits,
        "all": product.period_days * product.claim_credits,
        "href": _buy(product),
    }


def _kinds(book: PriceBook) -> list[dict[str, Any]]:
    """What can be ordered, on these pages or by programs; a kind without a price cannot."""
    offered = [(name, kind.offer, next((choice for choice in kind.choices if choice in GRADES), None)) for name, kind in PAGE_KINDS.items()]
    by_programs = [(name, f"stargraph/{name}", None) for name in OTHER_LABELS]
    rows = [_kind(book, name, offer, grade) for name, offer, grade in [*offered, *by_programs]]
    return [row for row in rows if row is not None]


def _kind(book: PriceBook, name: str, offer: str, grade: Choice | None) -> dict[str, Any] | None:
    prices = [book.price(offer, {grade.name: option.value}) for option in grade.options] if grade else [book.price(offer, {}), None]
    plain, fine = prices
    if plain is None:
        return None
    made = _("a picture") if KINDS[name].output == "image" else _("a clip")
    unit = _("a second of output") if plain.unit == "second" else made
    return {"name": kind_label(name), "unit": unit, "plain": plain.amount, "fine": fine.amount if fine else None}
