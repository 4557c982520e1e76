"""Placing an order and getting its checkout."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import astuple

from django.conf import settings
from django.db import transaction

from accounts.exceptions import IdempotencyConflict
from accounts.services.event import event_append
from config.kernel import clock
from config.kernel.ids import public_uuid
from payments.exceptions import PaymentFailed, PaymentUnavailable
from payments.gateways.base import Checkout, CheckoutRequest, Rejected, Temporary
from payments.gateways.registry import checkout_gateway, gateway_of
from payments.models import Order
from payments.services.catalogue import Terms
from payments.services.life import event_payload, order_move
from payments.services.return_url import return_url_judge
from payments.states import OrderState

ORDER_LIFE = dt.timedelta(hours=24)


def order_create(
    *, user_id: int, terms: Terms, channel: str, return_url: str = "", idempotency_key: str = "", at: dt.datetime | None = None
) -> Order:
    """An order is placed and its payer has somewhere to go: claim, then the gateway (outside any transaction), then settle.

    The same key and input give the same order again. `at` is business time. Raises NotConfigured, InvalidInput (return_url),
    IdempotencyConflict, PaymentFailed (the gateway refused; the key is free again), PaymentUnavailable (repeat with the same key).
    """
    moment = at or clock.now()
    order = order_place(user_id=user_id, terms=terms, channel=channel, return_url=return_url, idempotency_key=idempotency_key, at=moment)
    return order_checkout(order, at=moment)


def order_place(*, user_id: int, terms: Terms, channel: str, return_url: str = "", idempotency_key: str = "", at: dt.datetime) -> Order:
    """The order is a row, and nobody outside knows of it: may be part of a larger transaction (a coupon's). Errors as `order_create`."""
    gateway = checkout_gateway(channel)
    number = public_uuid()
    facts = {
        "uuid": number,
        "contract": terms.contract,
        "product_id": terms.product_id,
        "channel": channel,
        "is_sandbox": gateway.name == Order.Channel.SANDBOX,
        "title": terms.title,
        "amount_cents": terms.amount_cents,
        "currency": terms.currency,
        "value_cents": terms.value_cents,
        "paid_credits": terms.paid_credits,
        "bonus_credits": terms.bonus_credits,
        "bonus_source": terms.bonus_source,
        "return_url": return_url_judge(return_url),
        "input_hash": _input_hash(terms, channel, return_url),
        "created_at": at,
        "updated_at": at,
        "expires_at": at + ORDER_LIFE,
    }
    with transaction.atomic():
        order, is_new = Order.objects.get_or_create(user_id=user_id, idempotency_key=idempotency_key or str(number), defaults=facts)
        if is_new:
            event_append(user_id=user_id, kind="order.created", payload=event_payload(order), at=at)
    if bytes(order.input_hash) != facts["input_hash"]:
        raise IdempotencyConflict()
    return order


def order_checkout(order: Order, *, at: dt.datetime) -> Order:
    """The pending order has its checkout; never call this inside a transaction. Raises PaymentFailed, PaymentUnavailable."""
    if order.payment_url or order.status != OrderState.PENDING:
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
        order.return_url or f"{settings.PUBLIC_BASE_URL}/",
        order.created_at,
        order.expires_at,
        payer_id=order.payer_id,
        payer_address=order.payer_address or "",
    )


def _input_hash(terms: Terms, channel: str, return_url: str) -> bytes:
    return hashlib.sha256(repr((*astuple(terms), channel, return_url)).encode()).digest()
