"""Where gateways tell us what happened (000 §5.4). Each is answered in its own words."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from config.contracts.video.errors import json_response
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel import clock
from config.kernel.errors import NotConfigured, NotFound, RequestTooLarge
from payments.exceptions import NoticeRefused
from payments.models import Order
from payments.services.notice import notice_receive

log = logging.getLogger(__name__)
BODY_MOST_BYTES = 256 * 1024
RECEIVED = inline_serializer("NoticeReceived", {"received": serializers.BooleanField()})
WECHAT_FAILED = inline_serializer("WechatNoticeFailed", {"code": serializers.CharField(), "message": serializers.CharField()})
SIGNATURE = OpenApiParameter("stripe-signature", str, OpenApiParameter.HEADER, required=True)


class NoticeView(VideoView):
    """The way of every notice: raw bytes and headers to the one service, its verdict in the gateway's words."""

    caller = "none"
    source: ClassVar[str]

    def post(self, request: HttpRequest) -> HttpResponse:
        """A proven notice is stored when this answers 2xx; anything else is refused."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            notice_receive(source=self.source, body=body_of(request), headers=headers, at=clock.now())
        except NoticeRefused as error:
            return self.refused(400, error.params["reason"])
        except NotConfigured:
            return self.refused(403, "This channel is not configured.")
        return self.accepted()

    def accepted(self) -> HttpResponse:
        """The gateway's word for: do not send it again."""
        return json_response({"received": True})

    def refused(self, status: int, reason: str) -> HttpResponse:
        """The gateway's word for a failure."""
        return json_response({"detail": reason}, status)


class StripeNoticeView(NoticeView):
    """`POST /api/payments/webhook/stripe`."""

    source = Order.Channel.STRIPE

    @extend_schema(
        summary="Stripe's notices",
        parameters=[SIGNATURE],
        request=dict[str, Any],
        responses=answers(RECEIVED, 400, 403, validated=False),
        auth=[],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return super().post(request)


class SandboxNoticeView(NoticeView):
    """`POST /api/payments/webhook/sandbox`; outside demo mode there is no such path."""

    source = Order.Channel.SANDBOX

    @extend_schema(exclude=True)
    def post(self, request: HttpRequest) -> HttpResponse:
        return super().post(request)

    def refused(self, status: int, reason: str) -> HttpResponse:
        if status == 403:
            raise NotFound()
        return super().refused(status, reason)


class WechatNoticeView(NoticeView):
    """`POST /api/payments/webhook/wechat`: a failure is any 4xx with `code` FAIL."""

    source = Order.Channel.WECHAT

    @extend_schema(
        summary="WeChat Pay's notices",
        request=dict[str, Any],
        responses={
            **answers(WECHAT_FAILED, validated=False),
            400: OpenApiResponse(WECHAT_FAILED, description="Not proven"),
            403: OpenApiResponse(WECHAT_FAILED, description="Not configured"),
        },
        auth=[],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return super().post(request)

    def accepted(self) -> HttpResponse:
        return json_response({"code": "SUCCESS", "message": "OK"})

    def refused(self, status: int, reason: str) -> HttpResponse:
        return json_response({"code": "FAIL", "message": reason}, status)


class AlipayNoticeView(NoticeView):
    """`POST /api/payments/webhook/alipay`: plain text, and anything but `success` is a failure."""

    source = Order.Channel.ALIPAY

    @extend_schema(
        summary="Alipay's notices",
        request={"application/x-www-form-urlencoded": dict[str, Any]},
        responses={
            (200, "text/plain"): OpenApiResponse(str, description="success"),
            (400, "text/plain"): OpenApiResponse(str, description="Not proven"),
            (403, "text/plain"): OpenApiResponse(str, description="Not configured"),
        },
        auth=[],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return super().post(request)

    def accepted(self) -> HttpResponse:
        return HttpResponse("success", content_type="text/plain")

    def refused(self, status: int, reason: str) -> HttpResponse:
        log.warning("Alipay notice refused: %s", reason)
        return HttpResponse("failure", status=status, content_type="text/plain")


def body_of(request: HttpRequest) -> bytes:
    """The raw body, at most 256 KiB. Raises RequestTooLarge."""
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise RequestTooLarge() from error
    if len(body) > BODY_MOST_BYTES:
        raise RequestTooLarge()
    return body
