"""The server does not start with an Alipay channel that is half or wrongly configured."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from payments.gateways.alipay.config import judged


@register()
def alipay_check(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every fault names its setting and never the value. All unset is no fault: the channel is off."""
    return [Error(fault, id="payments.E301") for fault in judged()[1]]
