"""Which gateway sends."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from accounts.sms.aliyun import AliyunGateway
from accounts.sms.base import SmsGateway
from accounts.sms.file import FileGateway
from accounts.sms.tencent import TencentGateway
from config.kernel.errors import NotConfigured

GATEWAYS: dict[str, Callable[[], SmsGateway]] = {
    "aliyun": AliyunGateway.configured,
    "tencent": TencentGateway.configured,
}


def gateway() -> SmsGateway:
    """The gateway of `SMS_GATEWAY`; `file` exists in demo mode only, the others with all their keys only. Raises NotConfigured."""
    if settings.SMS_GATEWAY == "file" and settings.DEMO:
        return FileGateway()
    if settings.SMS_GATEWAY in GATEWAYS:
        return GATEWAYS[settings.SMS_GATEWAY]()
    raise NotConfigured(service="sms")
