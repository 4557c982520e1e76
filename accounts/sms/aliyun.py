"""Aliyun SendSms (dysmsapi, version 2017-05-25), signed by ACS3-HMAC-SHA256. Why without its SDK: docs/adr/0005.

Source: upstreams/commerce_and_identity.md §6.1; help.aliyun.com, "V3 request structure and signature".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.conf import settings

from accounts.sms import wire
from accounts.sms.base import TEMPLATE_VALUES, Message
from config.kernel import clock
from config.kernel.errors import NotConfigured, TooManyRequests

ALGORITHM = "ACS3-HMAC-SHA256"
ACTION, VERSION = "SendSms", "2017-05-25"
LIMITED = "isv.BUSINESS_LIMIT_CONTROL"
"""By default one message a minute, five an hour and ten a day for one signature and number."""
WAITS_S = {"分钟": 60, "minute": 60, "小时": 3600, "hour": 3600, "天": 86_400, "day": 86_400}
"""The refusal says in words which of its limits it is."""
MEANING = wire.Refusals(
    illegal={"isv.MOBILE_NUMBER_ILLEGAL", "isv.PHONE_NUMBER_ILLEGAL"},
    busy=("isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "Throttling", "ServiceUnavailable", "InternalError"),
)


@dataclass(frozen=True, slots=True)
class AliyunGateway:
    """One account, signature and template. `template_params` maps the template's variables to `code` and `minutes`."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    sign_name: str
    template_code: str
    template_params: Mapping[str, str]
    endpoint: str
    protocol: str

    @classmethod
    def configured(cls) -> AliyunGateway:
        """The account of the settings. Raises NotConfigured while a part is missing or the template gets no code."""
        found = cls(
            settings.ALIYUN_SMS_ACCESS_KEY_ID,
            settings.ALIYUN_SMS_ACCESS_KEY_SECRET,
            settings.ALIYUN_SMS_SIGN_NAME,
            settings.ALIYUN_SMS_TEMPLATE_CODE,
            settings.ALIYUN_SMS_TEMPLATE_PARAMS,
            settings.ALIYUN_SMS_ENDPOINT,
            settings.ALIYUN_SMS_PROTOCOL,
        )
        values = set(found.template_params.values())
        parts = (found.access_key_id, found.access_key_secret, found.sign_name, found.template_code, found.endpoint, found.protocol)
        if not all(parts) or "code" not in values or not values <= TEMPLATE_VALUES:
            raise NotConfigured(service="sms")
        return found

    def send(self, message: Message) -> None:
        """Aliyun has taken the message. Raises Temporary, TooManyRequests, InvalidInput."""
        query = query_of(self._params(message))
        headers = self._headers(clock.real_now(), secrets.token_hex(16))
        headers["authorization"] = authorization(self.access_key_id, self.access_key_secret, query, headers)
        _judge(wire.ask(f"{self.protocol}://{self.endpoint}/?{query}", headers, b""))

    def _params(self, message: Message) -> dict[str, str]:
        filled = {variable: message.values[value] for variable, value in self.template_params.items()}
        return {
            "PhoneNumbers": _number(message.phone),
            "SignName": self.sign_name,
            "TemplateCode": self.template_code,
            "TemplateParam": json.dumps(filled, ensure_ascii=False),
        }

    def _headers(self, at: dt.datetime, nonce: str) -> dict[str, str]:
        return {
            "accept": "application/json",
            "host": self.endpoint,
            "x-acs-action": ACTION,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": nonce,
            "x-acs-version": VERSION,
        }


def _number(phone: str) -> str:
    """Mainland numbers are written bare, others as country code and number without the plus."""
    return phone.removeprefix("+86") if phone.startswith("+86") else phone.removeprefix("+")


def query_of(params: Mapping[str, str]) -> str:
    """The one spelling of the parameters that is signed and sent: sorted, RFC 3986."""
    return "&".join(f"{quote(name, safe='')}={quote(params[name], safe='')}" for name in sorted(params))


def authorization(key_id: str, secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The Authorization header of a POST to `/` whose body's hash stands in its headers (names in lower case)."""
    signed = sorted(name for name in headers if name == "host" or name.startswith("x-acs-"))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    names = ";".join(signed)
    canonical = "\n".join(("POST", "/", query, lines, names, headers["x-acs-content-sha256"]))
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret.encode(), text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"


def _judge(answer: wire.Answer) -> None:
    """Nothing, if the message was taken: business refusals come as HTTP 200, those of the signature as 4xx, both with a code."""
    code = answer.body.get("Code")
    if not isinstance(code, str):
        raise wire.unreadable("aliyun", answer.status)
    if (answer.status, code) == (200, "OK"):
        return
    if code == LIMITED:
        raise TooManyRequests(retry_after_s=_wait_s(answer.body.get("Message")))
    raise wire.refusal("aliyun", MEANING, code, answer.body.get("RequestId"))


def _wait_s(message: Any) -> int:
    text = str(message).lower()
    return next((wait_s for word, wait_s in WAITS_S.items() if word in text), 60)
