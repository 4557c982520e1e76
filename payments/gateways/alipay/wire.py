"""One signed call to Alipay's gateway: sent once, bounded in time and size, its answer believed only if Alipay signed it."""

from __future__ import annotations

import functools
import json
import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import certifi
import httpx

from config.kernel import clock
from payments.gateways.alipay import values
from payments.gateways.alipay.config import AlipayConfig
from payments.gateways.alipay.signing import is_signed, signed
from payments.gateways.base import Temporary, Unknown

log = logging.getLogger(__name__)
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
DEADLINE_S = 30.0
"""The end of an answer that comes in drops, each within the read time-out."""
ANSWER_LIMIT_BYTES = 1024 * 1024
HEADERS = {"accept-encoding": "identity", "user-agent": "Atelier/1.0"}
FORM = HEADERS | {"content-type": "application/x-www-form-urlencoded;charset=utf-8"}
DECODER = json.JSONDecoder()


class Refused(Exception):
    """Alipay's signed answer is another than 10000; whoever asked knows what its codes mean."""

    def __init__(self, code: str, sub_code: str) -> None:
        super().__init__(f"{code} {sub_code}")
        self.code, self.sub_code = code, sub_code.removeprefix("aop.")


def request_fields(config: AlipayConfig, method: str, content: Mapping[str, Any], **more: str) -> dict[str, str]:
    """The fields of a request, unsigned. `content` is the business part. Source: opendocs.alipay.com, common parameters."""
    return {
        "app_id": config.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": values.moment(clock.real_now()),
        "version": "1.0",
        "app_cert_sn": config.app_cert_sn,
        "alipay_root_cert_sn": config.alipay_root_cert_sn,
        "biz_content": json.dumps(content, separators=(",", ":")),
        **more,
    }


def call(config: AlipayConfig, method: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The business part of the signed answer. Raises Refused (signed, another code than 10000), Temporary (never arrived there), Unknown.

    Everything travels in the body of a POST: a query string, with payees in it, would end in logs.
    """
    if not config.gateway:
        raise Temporary("this application only reads notices")
    body = urlencode(signed(config, request_fields(config, method, content))).encode()
    raw = exchange(httpx.Request("POST", config.gateway, headers=FORM, content=body), ANSWER_LIMIT_BYTES)
    answer = _proven(config, method, raw)
    code, sub_code = str(answer.get("code", "")), str(answer.get("sub_code", ""))
    if code != "10000":
        log.warning("alipay: %s answered %.20r %.80r", method, code, sub_code)
        raise Refused(code, sub_code)
    return answer


def exchange(request: httpx.Request, limit_bytes: int) -> bytes:
    """The body of the answer with status 200. Raises Temporary when nothing was sent, else Unknown. Redirects are not followed.

    The transport is used by itself: `httpx.Client` logs every address, and an address may carry a signature.
    """
    request.extensions["timeout"] = TIMEOUT.as_dict()
    try:
        with httpx.HTTPTransport(verify=_tls(), trust_env=False) as transport:
            return _read(transport.handle_request(request), limit_bytes)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _silent(Temporary, error) from None  # the cause carries the request, and the request a payee
    except httpx.HTTPError as error:
        raise _silent(Unknown, error) from None


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _silent(kind: type[Temporary], error: Exception) -> Temporary:
    log.warning("alipay: no answer: %s", type(error).__name__)
    return kind(type(error).__name__)


def _read(response: httpx.Response, limit_bytes: int) -> bytes:
    if response.status_code != 200:
        raise httpx.ReadError(f"status {response.status_code}")
    raw, end = bytearray(), time.monotonic() + DEADLINE_S
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > limit_bytes or time.monotonic() > end:
            raise httpx.ReadError("too long")
    return bytes(raw)


def _proven(config: AlipayConfig, method: str, raw: bytes) -> dict[str, Any]:
    """The answer's inner object, if the signature over its very bytes is Alipay's. Raises Unknown."""
    try:
        parts = members(raw.decode())
        name = "error_response" if "error_response" in parts else f"{method.replace('.', '_')}_response"
        inner, answer = parts[name], json.loads(parts[name])
        signature, serial = (str(json.loads(parts.get(part, '""'))) for part in ("sign", "alipay_cert_sn"))
    except (ValueError, KeyError, RecursionError) as error:
        log.error("alipay: %s was answered what nobody can read", method)
        raise Unknown("unreadable") from error
    if not isinstance(answer, dict) or not is_signed(config.alipay_public_key, inner.encode(), signature):
        is_other = bool(serial) and serial != config.alipay_cert_sn
        told = [str(answer.get(part, ""))[:80] for part in ("code", "sub_code")] if isinstance(answer, dict) else []
        log.error("alipay: an answer to %s is not signed by the key we trust (it says %r; another certificate: %s)", method, told, is_other)
        raise Unknown("not signed")
    return answer


def members(text: str) -> dict[str, str]:
    """The members of the JSON object `text`, each value as it is spelled: a signature covers the spelling. Raises ValueError."""
    found: dict[str, str] = {}
    at = _skip(text, 0, "{")
    while True:
        name, at = DECODER.raw_decode(text, _skip(text, at))
        at = _skip(text, _skip(text, at, ":"))
        _, end = DECODER.raw_decode(text, at)
        if not isinstance(name, str) or name in found:
            raise ValueError("not a plain object")
        found[name] = text[at:end]
        at = _skip(text, end)
        if text[at : at + 1] != ",":
            break
        at += 1
    if text[_skip(text, at, "}") :].strip():
        raise ValueError("more than one object")
    return found


def _skip(text: str, at: int, sign: str = "") -> int:
    """The place after white space, and after `sign`, which must stand there."""
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    if sign and text[at : at + 1] != sign:
        raise ValueError("not an object")
    return at + len(sign)
