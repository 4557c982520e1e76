"""Where a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The address of the client: behind `TRUSTED_PROXIES` the last forwarded one that is not a proxy of ours; None if unknown."""
    return nearest_client(request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", ""))


def nearest_client(remote: str, forwarded_for: str) -> str | None:
    """The same of a connection from `remote` whose `X-Forwarded-For` says `forwarded_for`."""
    address = _parsed(remote)
    forwarded = [_parsed(part) for part in forwarded_for.split(",")]
    while address is not None and _is_proxy(address) and forwarded:
        nearer = forwarded.pop()
        if nearer is None:
            break
        address = nearer
    return str(address) if address is not None else None


def asgi_client(scope: Mapping[str, Any], forwarded_for: str) -> str:
    """The same of an ASGI connection; "" if unknown."""
    return nearest_client(str((scope.get("client") or ("",))[0]), forwarded_for) or ""


def user_agent(request: HttpRequest) -> str:
    """What the client calls itself, at most 200 characters, without control characters."""
    return "".join(letter for letter in request.headers.get("User-Agent", "") if letter.isprintable())[:200]


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_proxy(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in ipaddress.ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)
