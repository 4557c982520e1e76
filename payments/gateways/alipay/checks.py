"""What the server says at its start about an Alipay channel that cannot work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from payments.gateways.alipay.config import judged


def alipay_check(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """An error for each fault of a channel that is half or wrongly configured: it names the setting, never its value. All unset: off."""
    config, faults = judged()
    found: list[CheckMessage] = [Error(fault, id="payments.E301") for fault in faults]
    if config is not None and not settings.PUBLIC_BASE_URL.startswith("https://"):
        found.append(
            Warning("PUBLIC_BASE_URL is no https address: Alipay sends its notices to where the public reaches us.", id="payments.W301")
        )
    return found
