"""Buying: what is bought and for how much, the gateway's checkout, and where the payment stands."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.web.client import client_address
from config.kernel import clock
from config.kernel.errors import DomainError, InvalidInput
from config.kernel.ids import parse_uuid
from config.kernel.principal import Principal
from credits.selectors.wallet import balance_of
from operations.web.callers import signed_in
from operations.web.problems import Problem, problem_of
from payments.exceptions import ProductUnknown
from payments.models import Order, Product, ProductPrice
from payments.selectors.notice import notices_of
from payments.selectors.product import price_of
from payments.services.balance import order_pay_by_balance
from payments.services.catalogue import Terms, terms_of_product
from payments.services.order import order_create
from payments.states import PAID, OrderState
from payments.web.owned import own_order
from payments.web.wording import CHANNELS, FATES, ORDER_STATES, method_for, money, product_name, title_of, ways_to_pay


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def buy(request: HttpRequest, principal: Principal) -> HttpResponse:
    """One product's receipt with the ways to pay; a POST places the order, once for each form, and leads to its payment."""
    chosen = request.POST.get("product") or request.GET.get("product", "")
    price = _price(chosen)
    if price is None:
        raise Http404(chosen)
    if request.method != "POST":
        return _page(request, principal, price)
    try:
        order = _ordered(request, principal, terms_of_product(contract=price.product.contract, slug=price.product.slug))
    except ProductUnknown as error:
        raise Http404(chosen) from error
    except DomainError as error:
        return _page(request, principal, price, problem_of(error))
    return redirect("pay", order_uuid=order.uuid)


@require_GET
@signed_in
def pay(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """Where the payer goes, and where the payment stands; it only reads. The way back from every gateway leads here."""
    order = own_order(principal, order_uuid)
    tone, state = ORDER_STATES[order.status]
    heard = notices_of(order)
    context = {
        "section": "wallet",
        "order": order,
        "title": title_of(order),
        "amount": money(order.amount_cents, order.currency),
        "channel": CHANNELS[order.channel],
        "tone": tone,
        "state": state,
        "is_open": order.status == OrderState.PENDING,
        "is_paid": order.status in PAID,
        "heard": [{"at": each.told_at, "fate": FATES[each.fate], "reason": each.reason} for each in heard],
    }
    return render(request, "wallet/pay.html", context)


@require_GET
@signed_in
def code(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """The order's QR code as a picture."""
    order = own_order(principal, order_uuid)
    if not order.code_url or order.status != OrderState.PENDING:
        raise Http404(order_uuid)
    drawn = segno.make(order.code_url, error="m").svg_inline(scale=8, border=4, dark="#16181b", light="#ffffff")
    return HttpResponse(f'<?xml version="1.0" encoding="utf-8"?>\n{_standalone(drawn)}', content_type="image/svg+xml")


def order_token() -> str:
    """A form's own key: sent twice, it orders once."""
    return str(uuid.uuid4())


def choices_of(prices: Iterable[ProductPrice]) -> list[dict[str, Any]]:
    """Products as a form offers them."""
    return [
        {
            "value": f"{price.product.contract}/{price.product.slug}",
            "name": product_name(price.product),
            "credits": price.product.credits,
            "price": money(price.amount_cents, price.currency),
        }
        for price in prices
    ]


def _standalone(svg: str) -> str:
    return svg if "xmlns=" in svg else svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _price(chosen: str) -> ProductPrice | None:
    """The price of `contract/slug` on sale now, or None."""
    contract, _slash, slug = chosen.partition("/")
    if contract not in Product.Contract.values or not slug or "\x00" in slug:
        return None
    return price_of(contract=contract, slug=slug)


def _ordered(request: HttpRequest, principal: Principal, terms: Terms) -> Order:
    token = parse_uuid(request.POST.get("token", ""))
    if token is None:
        raise InvalidInput.field("token", "open the form anew and send it once")
    channel, key = request.POST.get("channel", ""), f"page:{token}"
    if channel not in {way.name for way in ways_to_pay(balance=_takes_balance(terms.kind))}:
        raise InvalidInput.field("channel", "choose a way to pay")
    if channel == Order.Channel.BALANCE:
        return order_pay_by_balance(user_id=principal.user_id, terms=terms, idempotency_key=key, at=clock.now())
    return order_create(
        user_id=principal.user_id,
        terms=terms,
        channel=channel,
        method=method_for(channel, request),
        payer_address=client_address(request) or "",
        idempotency_key=key,
        at=clock.now(),
    )


def _takes_balance(kind: str) -> bool:
    return kind == Product.Kind.MEMBERSHIP


def _page(request: HttpRequest, principal: Principal, price: ProductPrice, problem: Problem | None = None) -> HttpResponse:
    product = price.product
    context = {
        "section": "wallet",
        "product": product,
        "name": product_name(product),
        "value": f"{product.contract}/{product.slug}",
        "amount": money(price.amount_cents, price.currency),
        "balance": balance_of(principal.user_id),
        "ways": ways_to_pay(balance=_takes_balance(product.kind)),
        "chosen": request.POST.get("channel", ""),
        "token": order_token(),
        "problem": problem,
    }
    return render(request, "wallet/buy.html", context, status=problem.status if problem else 200)
