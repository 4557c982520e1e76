"""Which gateway serves which channel. A channel that is not configured serves nobody."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from config.kernel.errors import NotConfigured
from payments.gateways.base import Gateway, PayoutGateway
from payments.models import Order

ADAPTERS = {
    Order.Channel.STRIPE: "payments.gateways.stripe.StripeGateway",
    Order.Channel.WECHAT: "payments.gateways.wechat.WechatGateway",
    Order.Channel.ALIPAY: "payments.gateways.alipay.AlipayGateway",
    Order.Channel.SANDBOX: "payments.gateways.sandbox.SandboxGateway",
}
"""Channel → adapter; imported when first used, because an SDK costs memory in every process."""


PAYOUT_CHANNELS = frozenset({Order.Channel.WECHAT, Order.Channel.ALIPAY})


def _adapter(channel: str) -> Gateway:
    path = ADAPTERS.get(Order.Channel(channel)) if channel in Order.Channel.values else None
    if path is None:
        raise NotConfigured(service=channel)
    return cast("Gateway", import_string(path).configured())


def checkout_gateway(channel: str) -> Gateway:
    """The gateway that takes new orders of `channel`: the sandbox in demo mode, else the real one. Raises NotConfigured."""
    if settings.DEMO and channel in ADAPTERS:
        return _adapter(Order.Channel.SANDBOX)
    return _adapter(channel)


def statement_gateways() -> dict[str, Gateway]:
    """The gateways whose days are compared with ours, by channel: in demo mode the sandbox, which served everything, else the real ones."""
    if settings.DEMO:
        return {Order.Channel.SANDBOX: _adapter(Order.Channel.SANDBOX)}
    found: dict[str, Gateway] = {}
    for channel in (Order.Channel.STRIPE, Order.Channel.WECHAT, Order.Channel.ALIPAY):
        with suppress(NotConfigured):
            found[channel] = _adapter(channel)
    return found


def gateway_of(order: Order) -> Gateway:
    """The gateway that made the checkout of `order`. Raises NotConfigured when it was switched off since."""
    return _adapter(Order.Channel.SANDBOX if order.is_sandbox else order.channel)


def payout_gateway(channel: str) -> PayoutGateway:
    """The gateway that sends money of withdrawals by `channel`: the sandbox in demo mode, else the real one. Raises NotConfigured."""
    if channel not in PAYOUT_CHANNELS:
        raise NotConfigured(service=channel)
    return cast("PayoutGateway", checkout_gateway(channel))


def notice_gateway(source: str) -> Gateway:
    """The gateway whose notices arrive under `source`. Raises NotConfigured."""
    return _adapter(source)
