"""The callbacks that documents 003 and 004 show: whose notice came is told by its signature, and without one it is nobody's."""

from __future__ import annotations

import logging

import orjson
from django.http import HttpRequest, HttpResponse

from accounts.web.client import client_address
from config.contracts.body import body_of
from config.kernel import clock, limits
from config.kernel.errors import NotConfigured, RequestTooLarge
from payments.exceptions import NoticeRefused
from payments.models import Order
from payments.services.alarm import alarm_raise
from payments.services.notice import notice_receive

log = logging.getLogger(__name__)
BODY_MOST_BYTES = 256 * 1024
UNSIGNED_A_MINUTE = 60
SIGNATURES = {
    "stripe-signature": Order.Channel.STRIPE,
    "wechatpay-signature": Order.Channel.WECHAT,
    "sandbox-signature": Order.Channel.SANDBOX,
}
"""Header → whose it is. Alipay signs inside its form."""
FORM = "application/x-www-form-urlencoded"
ACCEPTED = {
    Order.Channel.STRIPE: ("application/json", orjson.dumps({"received": True})),
    Order.Channel.SANDBOX: ("application/json", orjson.dumps({"received": True})),
    Order.Channel.WECHAT: ("application/json", orjson.dumps({"code": "SUCCESS", "message": "OK"})),
    Order.Channel.ALIPAY: ("text/plain", b"success"),
}
"""Each gateway's word for: do not send it again."""


def notice_of_anyone(request: HttpRequest, *, contract: str) -> HttpResponse:
    """A genuine notice is stored and acted on, answered in its gateway's words. Raises NoticeRefused for anything else, RequestTooLarge.

    The documents' unsigned bodies credit nothing: they are logged, with an alarm, because somebody tries to pay without money.
    Source: contracts/README.md "Callbacks are hints until proven".
    """
    body = body_of(request)
    if len(body) > BODY_MOST_BYTES:
        raise RequestTooLarge()
    headers = {name.lower(): value for name, value in request.headers.items()}
    source = _source_of(headers, body)
    if source is None:
        raise _unsigned(request, contract)
    try:
        notice_receive(source=source, body=body, headers=headers, at=clock.now())
    except NotConfigured as error:
        raise NoticeRefused(reason="This channel is not configured.") from error
    content_type, words = ACCEPTED[source]
    return HttpResponse(words, content_type=content_type)


def _source_of(headers: dict[str, str], body: bytes) -> Order.Channel | None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() == FORM and b"sign=" in body and b"notify_id=" in body:
        return Order.Channel.ALIPAY
    return next((source for name, source in SIGNATURES.items() if name in headers), None)


def _unsigned(request: HttpRequest, contract: str) -> NoticeRefused:
    address = client_address(request) or ""
    limits.take("unsigned-callback", address, UNSIGNED_A_MINUTE, 60)
    alarm_raise(kind="callback_unsigned", subject=f"callback:{contract}", text=f"An unsigned callback came from {address}.", at=clock.now())
    return NoticeRefused(reason="It carries no gateway's signature.")
