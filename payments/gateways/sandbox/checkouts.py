"""What the payer of a sandbox checkout is handed, as the channel's own gateway would: a page, a code, or parameters for an app."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from payments.gateways.base import Checkout, CheckoutRequest
from payments.gateways.sandbox.books import external_id
from payments.models import Order, SandboxPayment

Channel, Method = Order.Channel, Order.Method


def checkout_of(payment: SandboxPayment, request: CheckoutRequest) -> Checkout:
    """The sandbox's page always, which stands for every gateway's; for WeChat's Native a code, for apps what the merchant signs."""
    url = f"{settings.PUBLIC_BASE_URL}/sandbox/pay/{payment.id}"
    is_code = (payment.channel, payment.method) == (Channel.WECHAT, Method.NATIVE)
    return Checkout(external_id(payment), url, code_url=url if is_code else "", pay_params=_pay_params(request))


def _pay_params(request: CheckoutRequest) -> Mapping[str, str]:
    """What a client's app hands to the channel's SDK, signed with the sandbox merchant's key; empty where there is no app."""
    match request.channel, request.method:
        case Channel.WECHAT, (Method.APP | Method.JSAPI):
            return _wechat_params(request)
        case Channel.ALIPAY, Method.APP:
            return _alipay_params(request)
        case _:
            return {}


def _wechat_params(request: CheckoutRequest) -> Mapping[str, str]:
    from payments.gateways.wechat.config import WechatConfig
    from payments.gateways.wechat.signing import pay_params

    return pay_params(WechatConfig.sandbox(), method=request.method, prepay_id=f"wx{request.order_uuid.hex}")


def _alipay_params(request: CheckoutRequest) -> Mapping[str, str]:
    from payments.gateways.alipay import trades
    from payments.gateways.alipay.config import AlipayConfig
    from payments.gateways.alipay.signing import order_string
    from payments.gateways.alipay.wire import request_fields

    config, page = AlipayConfig.sandbox(), trades.PAGES["app"]
    fields = request_fields(config, page.method, trades.checkout_content(request, page), notify_url=config.notify_url)
    return {"order_string": order_string(config, fields)}
