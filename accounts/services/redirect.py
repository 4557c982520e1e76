"""Addresses that a browser is sent back to."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from config.kernel.errors import InvalidInput

POPUP = "postmessage"
"""What Google's pop-up flow uses instead of an address."""


def redirect_judge(url: str, *, field: str) -> str:
    """`url` if `REDIRECT_URIS` allows it: same scheme, host and port, and a path at or below; demo mode: any http(s) address.

    Raises InvalidInput.
    """
    parts = _split(url)
    if parts is None or not (settings.DEMO or any(_below(parts, allowed) for allowed in settings.REDIRECT_URIS)):
        raise InvalidInput.field(field, "this address is not allowed", "value_error.url")
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for a port that is none)
    except ValueError:
        return None
    plain = url.isprintable() and "\\" not in url and " " not in url
    return parts if plain and parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc else None


def _below(parts: SplitResult, allowed: str) -> bool:
    limit = urlsplit(allowed)
    if (parts.scheme, parts.hostname, parts.port) != (limit.scheme, limit.hostname, limit.port):
        return False
    folder = limit.path.rstrip("/")
    return ".." not in parts.path.split("/") and (parts.path == folder or parts.path.startswith(f"{folder}/"))
