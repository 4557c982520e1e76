"""Fetching what an engine made elsewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from config.kernel import outbound

LIMIT_BYTES = 512 * 1024 * 1024
TIMEOUT_S = 300.0


def output_fetch(url: str, path: Path) -> None:
    """`path` holds what `url` answers, at most 512 MB, within 300 s.

    The guarded client fetches it, as any address that comes from outside; only the engines' own hosts that the operators
    allowed (`ENGINE_ALLOWED_HOSTS`) may be private. Raises AddressRefused, AddressUnreachable, AnswerTooLarge.
    """
    if is_allowed_host(url):
        _fetch_plainly(url, path)
    else:
        outbound.get_to_file(url, path, limit_bytes=LIMIT_BYTES, timeout_s=TIMEOUT_S)


def is_allowed_host(url: str) -> bool:
    """Whether the operators allowed the host of `url` (`name` or `name:port`), wherever it is."""
    parts = urlsplit(url)
    return bool({parts.hostname, parts.netloc} & set(settings.ENGINE_ALLOWED_HOSTS))


def _fetch_plainly(url: str, path: Path) -> None:
    size = 0
    try:
        with httpx.stream("GET", url, timeout=30.0, trust_env=False) as answer, path.open("wb") as file:
            if answer.status_code != httpx.codes.OK:
                raise outbound.AddressUnreachable(reason=f"it answers {answer.status_code}")
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > LIMIT_BYTES:
                    raise outbound.AnswerTooLarge(limit_mb=LIMIT_BYTES // 1024**2)
                file.write(chunk)
    except httpx.HTTPError as error:
        raise outbound.AddressUnreachable(reason=type(error).__name__) from error
