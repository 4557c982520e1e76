"""What the server says at its start about a WeChat Pay channel that cannot work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from payments.gateways.wechat.config import faults, is_switched_on


def wechat_check(**_: Any) -> list[CheckMessage]:
    """An error for each setting that is missing or wrong while the channel is switched on: it names the setting, never its value."""
    if not is_switched_on():
        return []
    found: list[CheckMessage] = [Error(f"{name} {text}: WeChat Pay stays off.", id="payments.wechat.E001") for name, text in faults()]
    if not settings.PUBLIC_BASE_URL.startswith("https://"):
        text = "PUBLIC_BASE_URL is no https address: WeChat Pay sends no notices there."
        found.append(Warning(text, id="payments.wechat.W001"))
    return found
