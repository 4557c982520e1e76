"""Placing an order and getting its checkout."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
from dataclasses import astuple
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.exceptions import IdempotencyConflict
from accounts.services.event import event_append
from config.kernel import clock
from config.kernel.errors import InvalidInput, NotConfigured
from config.kernel.ids import public_uuid
from payments.exceptions import PaymentFailed, PaymentUnavailable
from payments.gateways.base import Checkout, CheckoutRequest, Gateway, Rejected, Temporary
from payments.gateways.registry import checkout_gateway, gateway_of
from payments.models import Order
from payments.services.catalogue import Terms
from payments.services.life import event_payload, order_move
from payments.services.reconcile import STEPS
from payments.services.return_url import return_url_judge
from payments.services.subscription import order_reserve
from payments.states import OrderState

Channel, Method = Order.Channel, Order.Method
METHODS = {
    Channel.STRIPE: (Method.CHECKOUT,),
    Channel.WECHAT: (Method.NATIVE, Method.JSAPI, Method.H5, Method.APP),
    Channel.ALIPAY: (Method.PAGE, Method.WAP, Method.APP),
    Channel.SANDBOX: (Method.CHECKOUT,),
    Channel.BALANCE: (Method.BALANCE,),
}
"""How each channel can take money; the first is meant when nobody says."""
ORDER_LIFE = dt.timedelta(hours=24)
PREPAY_LIFE = dt.timedelta(hours=2)
"""What WeChat Pay and Alipay hand out lives no longer."""
OPENID = re.compile(r"[A-Za-z0-9_-]{6,128}")


def order_create(
    *,
    user_id: int,
    terms: Terms,
    channel: str,
    method: str = "",
    return_url: str = "",
    payer_id: str = "",
    payer_address: str = "",
    idempotency_key: str = "",
    at: dt.datetime | None = None,
) -> Order:
    """An order is placed and its payer has somewhere to go: claim, then the gateway (outside any transaction), then settle.

    The same key and input give the same order again. `method` "" is the channel's usual one; `jsapi` needs `payer_id` (openid), `h5`
    needs `payer_address` (IP). `at` is business time. Raises NotConfigured, InvalidInput (method, payer_id, payer_address,
    return_url), IdempotencyConflict, PaymentFailed (the gateway refused; the key is free again), PaymentUnavailable (nobody knows, or
    not now: repeat with the same key).
    """
    if channel == Channel.BALANCE:
        raise NotConfigured(service=channel)
    moment = at or clock.now()
    order = order_place(
        user_id=user_id,
        terms=terms,
        channel=channel,
        method=method,
        return_url=return_url,
        payer_id=payer_id,
        payer_address=payer_address,
        idempotency_key=idempotency_key,
        at=moment,
    )
    return order_checkout(order, at=moment)


def order_place(
    *,
    user_id: int,
    terms: Terms,
    channel: str,
    method: str = "",
    return_url: str = "",
    payer_id: str = "",
    payer_address: str = "",
    idempotency_key: str = "",
    at: dt.datetime,
) -> Order:
    """The order is a row, and nobody outside knows of it: may be part of a larger transaction (a coupon's, a payment by balance).

    Channel `balance` has no gateway: its caller pays and settles it in the same transaction. A monthly card's claims are reserved
    (locks the wallet; raises CardSoldOut). Errors as `order_create`.
    """
    gateway = None if channel == Channel.BALANCE else checkout_gateway(channel)
    way = _way(gateway, channel, method, payer_id, payer_address)
    number = public_uuid()
    facts = {
        **_facts(number, terms, at),
        **way,
        "channel": channel,
        "is_sandbox": gateway is not None and gateway.name == Channel.SANDBOX,
        "return_url": return_url_judge(return_url),
        "input_hash": _input_hash(terms, channel, way["method"], way["payer_id"], return_url),
        "expires_at": at + (PREPAY_LIFE if channel in (Channel.WECHAT, Channel.ALIPAY) else ORDER_LIFE),
        "ask_after": at + STEPS[0] if gateway else None,
    }
    with transaction.atomic():
        order, is_new = Order.objects.get_or_create(user_id=user_id, idempotency_key=idempotency_key or str(number), defaults=facts)
        if is_new:
            order_reserve(order, at=at)
            event_append(user_id=user_id, kind="order.created", payload=event_payload(order), at=at)
    if bytes(order.input_hash) != facts["input_hash"]:
        raise IdempotencyConflict()
    return order


def order_checkout(order: Order, *, at: dt.datetime) -> Order:
    """The pending order has its checkout; never call this inside a transaction. Raises PaymentFailed, PaymentUnavailable."""
    if order.has_checkout or order.status != OrderState.PENDING:
        return order
    try:
        checkout = gateway_of(order).create(_request_of(order))
    except Rejected as error:
        order_move(order, OrderState.FAILED, at=at, failure=str(error)[:200], idempotency_key=str(order.uuid))
        raise PaymentFailed(reason=str(error)) from error
    except Temporary as error:
        raise PaymentUnavailable() from error
    return _with_checkout(order, checkout, at)


def _with_checkout(order: Order, checkout: Checkout, at: dt.datetime) -> Order:
    """The checkout is written down. A notice may have been faster, so the state is left alone and read again."""
    known = Order.objects.filter(pk=order.pk, external_id__in=["", checkout.external_id])
    known.update(
        external_id=checkout.external_id,
        payment_url=checkout.payment_url,
        code_url=checkout.code_url,
        pay_params=dict(checkout.pay_params),
        expires_at=checkout.expires_at or order.expires_at,
        updated_at=at,
    )
    order.refresh_from_db()
    return order


def _request_of(order: Order) -> CheckoutRequest:
    return CheckoutRequest(
        order.uuid,
        order.channel,
        order.method,
        order.title,
        order.amount_cents,
        order.currency,
        order.return_url or f"{settings.PUBLIC_BASE_URL}/pay/{order.uuid}/",
        order.created_at,
        order.expires_at,
        payer_id=order.payer_id,
        payer_address=order.payer_address or "",
    )


def _facts(number: UUID, terms: Terms, at: dt.datetime) -> dict[str, Any]:
    """What the deal says of the order."""
    return {
        "uuid": number,
        "contract": terms.contract,
        "kind": terms.kind,
        "product_id": terms.product_id,
        "title": terms.title,
        "amount_cents": terms.amount_cents,
        "currency": terms.currency,
        "value_cents": terms.value_cents,
        "paid_credits": terms.paid_credits,
        "bonus_credits": terms.bonus_credits,
        "bonus_source": terms.bonus_source,
        "created_at": at,
        "updated_at": at,
    }


def _way(gateway: Gateway | None, channel: str, method: str, payer_id: str, payer_address: str) -> dict[str, Any]:
    """How the money comes and what that needs of the payer; nothing else of the payer is kept. Raises InvalidInput."""
    possible = METHODS[Channel(channel)]
    chosen = method or possible[0]
    if chosen not in possible or (gateway is not None and chosen not in gateway.methods):
        raise InvalidInput.field("method", f"{channel} does not take money this way", "value_error.method")
    if chosen == Method.JSAPI and not OPENID.fullmatch(payer_id):
        raise InvalidInput.field("payer_id", "this is no openid", "value_error.openid")
    return {
        "method": chosen,
        "payer_id": payer_id if chosen == Method.JSAPI else "",
        "payer_address": _address(payer_address) if chosen == Method.H5 else None,
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InvalidInput.field("payer_address", "this is no IP address", "value_error.address") from error


def _input_hash(terms: Terms, *more: str) -> bytes:
    return hashlib.sha256(repr((*astuple(terms), *more)).encode()).digest()
