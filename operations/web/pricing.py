"""The price list as a page: what credits cost, what things cost in credits, memberships and the monthly card."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from operations.web.prices import Listed, PriceBook
from payments.models import Product, ProductPrice
from payments.selectors.product import prices_of
from payments.web.wording import money, product_name

Kind, Contract = Product.Kind, Product.Contract
BEST = "standard"


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
    clip, second, picture, deck = _("a clip"), _("a second of output"), _("a picture"), _("a deck")
    rows = [
        (_("Text to video"), clip, "video/text-to-video", {"quality": "standard"}, {"quality": "hd"}),
        (_("Image to video"), clip, "video/image-to-video", {"quality": "standard"}, {"quality": "hd"}),
        (_("Animate: move"), second, "video/animate-move", {"mode": "wan-std"}, {"mode": "wan-pro"}),
        (_("Animate: mix"), second, "video/animate-mix", {"mode": "wan-std"}, {"mode": "wan-pro"}),
        (_("Text to image"), picture, "stargraph/text2img", {}, None),
        (_("Upscale"), picture, "stargraph/upscale", {}, None),
        (_("Slides"), deck, "studio/ppt", {}, None),
    ]
    return [
        {"name": name, "unit": unit, "plain": _amount(book.price(offer, plain)), "fine": _amount(book.price(offer, fine)) if fine else None}
        for name, unit, offer, plain, fine in rows
    ]


def _amount(listed: Listed | None) -> int | None:
    return listed.amount if listed else None
