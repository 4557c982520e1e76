"""One request to a gateway's API: sent once, bounded in time and size. What its refusals have in common."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from accounts.sms.base import Temporary
from config.kernel.errors import InvalidInput

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(8.0, connect=4.0)
DEADLINE_S = 12.0
"""The end of an answer that comes in drops, each within the read time-out."""
ANSWER_LIMIT_BYTES = 64 * 1024
USER_AGENT = "Atelier/1.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object and the HTTP status it came with."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a gateway's codes mean. One that stands nowhere is trouble of our account, its template or our signature."""

    illegal: Collection[str] = ()
    closed: Collection[str] = ()
    """The number is one, but takes no message from us: its owner's wish, its country."""
    busy: tuple[str, ...] = ()
    """Beginnings of codes: the gateway's own trouble, which passes."""


def ask(url: str, headers: Mapping[str, str], content: bytes) -> Answer:
    """What `content`, POSTed once to `url`, is answered. Raises Temporary when nothing readable comes back in time.

    The transport is used by itself: `httpx.Client` logs every address, and an address may carry the code.
    """
    request = httpx.Request("POST", url, headers={"user-agent": USER_AGENT, **headers}, content=content)
    request.extensions["timeout"] = TIMEOUT.as_dict()
    try:
        with httpx.HTTPTransport(trust_env=False) as transport:
            status, raw = _read(transport.handle_request(request))
    except httpx.HTTPError as error:
        log.warning("sms: no answer from %s: %s", request.url.host, type(error).__name__)
        raise Temporary(type(error).__name__) from None  # the cause carries the request, and the request the code
    return Answer(status, _parsed(status, raw, request.url.host))


def _read(response: httpx.Response) -> tuple[int, bytes]:
    raw, end = b"", time.monotonic() + DEADLINE_S
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > ANSWER_LIMIT_BYTES or time.monotonic() > end:
            raise httpx.ReadError("too long")
    return response.status_code, raw


def _parsed(status: int, raw: bytes, host: str) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise unreadable(host, status)
    return body


def unreadable(who: str, status: int) -> Temporary:
    """The error of an answer that makes no sense; it is in the log, without its text."""
    log.error("sms: %s answered what nobody can read (HTTP %d)", who, status)
    return Temporary("unreadable")


def refusal(gateway: str, meaning: Refusals, code: str, request_id: object) -> InvalidInput | Temporary:
    """The error that `code` means for the user. Trouble of our account is an error in the log.

    The gateway's own text is never logged: it repeats the number, some the request.
    """
    if code in meaning.illegal:
        return InvalidInput.field("phone_number", "this is not a valid mobile phone number", "value_error.phone")
    if code in meaning.closed:
        return InvalidInput.field("phone_number", "text messages cannot be sent to this number", "value_error.phone")
    level = logging.WARNING if code.startswith(meaning.busy) else logging.ERROR
    log.log(level, "sms: %s refused with %.80r (request %.80r)", gateway, code, request_id)
    return Temporary(code)
