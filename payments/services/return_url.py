"""Where a payer may be sent back to."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from config.kernel.errors import InvalidInput


def return_url_judge(url: str) -> str:
    """`url`, if a payer may be sent there: on the allow-list, in demo mode any web address. Empty stays empty. Raises InvalidInput."""
    if not url:
        return ""
    parts = _parts(url)
    if parts is None:
        raise InvalidInput.field("return_url", "invalid or missing URL scheme", "value_error.url")
    own = [settings.PUBLIC_BASE_URL, *settings.REDIRECT_URIS]
    if not settings.DEMO and not any(_within(parts, allowed) for allowed in own):
        raise InvalidInput.field("return_url", "this address is not on the allow-list", "value_error.url.not_allowed")
    return url


def _parts(url: str) -> SplitResult | None:
    """The address taken apart, or None if it is no web address or hides something (control characters, credentials, backslashes)."""
    if not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  a wrong port shows only when it is read
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else None


def _within(parts: SplitResult, allowed: str) -> bool:
    """Same scheme and host, and the path at or under the allowed one; dot segments never match."""
    other = urlsplit(allowed)
    if (parts.scheme, parts.netloc.lower()) != (other.scheme, other.netloc.lower()) or "/.." in parts.path:
        return False
    path = other.path.rstrip("/")
    return parts.path == path or parts.path.startswith(f"{path}/")
