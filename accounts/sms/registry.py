"""Which gateway sends."""

from __future__ import annotations

from django.conf import settings

from accounts.sms.base import SmsGateway
from accounts.sms.file import FileGateway
from config.kernel.errors import NotConfigured


def gateway() -> SmsGateway:
    """The gateway of `SMS_GATEWAY`; `file` exists in demo mode only. Raises NotConfigured."""
    if settings.SMS_GATEWAY == "file" and settings.DEMO:
        return FileGateway()
    raise NotConfigured(service="sms")
