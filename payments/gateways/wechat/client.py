"""The wire to WeChat Pay: the library names paths and fields, this carries them and believes only proven answers.

The library's own transport checks no age, asks for certificates when it meets a serial number it does not know, waits without end,
and hides the Request-ID; so its core is replaced by `Wire`, which signs the exact bytes it sends.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import certifi
import urllib3
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wechatpayv3 import WeChatPay, WeChatPayType  # type: ignore[import-untyped]
from wechatpayv3.type import RequestType  # type: ignore[import-untyped]
from wechatpayv3.utils import build_authorization, rsa_encrypt  # type: ignore[import-untyped]

from payments.gateways.base import Temporary, Unknown, Unproven
from payments.gateways.wechat.config import WechatConfig
from payments.gateways.wechat.proof import prove
from payments.gateways.wechat.refusals import Refused
from payments.gateways.wechat.standings import code_of

log = logging.getLogger(__name__)
TIMEOUT = urllib3.Timeout(connect=5, read=15)
BUSY = frozenset({"FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED"})
OUR_FAULT = frozenset({"SIGN_ERROR"})
"""The request was not looked at: it may be repeated when our settings are right."""
UNSURE = frozenset({"SYSTEM_ERROR", "BANK_ERROR"})


class Wire:
    """Stands where the library has its core: one signed request, one proven answer."""

    def __init__(self, config: WechatConfig) -> None:
        self.config = config
        self._gate_way = config.base  # what the library cuts off the addresses of bills
        self.pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=TIMEOUT, ca_certs=certifi.where())

    def request(
        self, path: str, method: Any = RequestType.GET, data: dict[str, Any] | None = None, skip_verify: bool = False, **_: Any
    ) -> Any:
        """The answer's JSON (None if empty), or its bytes with `skip_verify` (bills, which the asker holds against their digest).

        Raises Refused, Temporary (nothing happened), Unknown (no answer, or none that can be believed).
        """
        text = json.dumps(data, ensure_ascii=False) if data else ""
        response = self._sent(method.value, path, text)
        if skip_verify and response.status == 200:
            return response.data
        return self._answer(response, path)

    def encrypt(self, text: str) -> str:
        """`text` for WeChat Pay's eyes only (RSA-OAEP), under the key that `Wechatpay-Serial` names."""
        return str(rsa_encrypt(text, self.config.public_key))

    def _sent(self, method: str, path: str, text: str) -> urllib3.BaseHTTPResponse:
        try:
            return self.pool.request(
                method, self.config.base + path, body=text.encode(), headers=self._headers(method, path, text), redirect=False
            )
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            log.warning("WeChat Pay cannot be reached: %s", type(error).__name__)
            raise Temporary("not reached") from error
        except urllib3.exceptions.HTTPError as error:
            log.warning("WeChat Pay did not answer: %s", type(error).__name__)
            raise Unknown("no answer") from error

    def _headers(self, method: str, path: str, text: str) -> dict[str, str]:
        own = self.config
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "atelier",
            "Wechatpay-Serial": own.public_key_id,
            "Authorization": build_authorization(path, method, own.mchid, own.cert_serial, own.private_key, text),
        }

    def _answer(self, response: urllib3.BaseHTTPResponse, path: str) -> Any:
        headers = {name.lower(): value for name, value in response.headers.items()}
        is_proven = self._is_proven(headers, response.data)
        if response.status in (200, 204) and is_proven:
            return _json(response.data)
        code = _code(response.data) if response.status >= 400 else ""
        log.warning("WeChat Pay: %s %s %s (%s)", path.partition("?")[0], response.status, code, headers.get("request-id", "")[:64])
        is_spoilt = not is_proven and "wechatpay-signature" in headers
        if not code or is_spoilt or code in UNSURE or response.status >= 500:
            raise Unknown(code or "unproven")
        if code in BUSY or code in OUR_FAULT:
            raise Temporary(code)
        raise Refused(code, is_proven=is_proven)

    def _is_proven(self, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            prove(self.config, headers, body)
        except Unproven:
            return False
        return True


@lru_cache(maxsize=4)
def client_of(config: WechatConfig) -> Any:
    """The library's client of one merchant, on our wire. Raises Temporary for an account that has no address (the sandbox's)."""
    if not config.base:
        raise Temporary("this account only reads notices")
    public_key = config.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    client = WeChatPay(
        WeChatPayType.NATIVE,
        config.mchid,
        None,
        config.cert_serial,
        config.appid,
        config.apiv3_key,
        notify_url=config.notify_url,
        public_key=public_key,
        public_key_id=config.public_key_id,
    )
    client._core = Wire(config)
    return client


def pay_type(method: str) -> Any:
    """The library's name of one of our methods."""
    return WeChatPayType[method.upper()]


def _json(body: bytes) -> Any:
    """A proven answer that is no JSON is as good as none. Raises Unknown."""
    try:
        return json.loads(body) if body else None
    except ValueError as error:
        raise Unknown("unreadable") from error


def _code(body: bytes) -> str:
    """The error code, or "" for a page of somebody in between."""
    try:
        return code_of(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
