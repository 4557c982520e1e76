"""Tencent Cloud SendSms (sms, version 2021-01-11), signed by TC3-HMAC-SHA256. Why without its SDK: docs/adr/0005.

Source: upstreams/commerce_and_identity.md §6.2; cloud.tencent.com/document/product/382, "Signature v3" and "SendSms".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts.sms import wire
from accounts.sms.base import TEMPLATE_VALUES, Message
from config.kernel import clock
from config.kernel.errors import NotConfigured, TooManyRequests

ALGORITHM = "TC3-HMAC-SHA256"
SERVICE, ACTION, VERSION = "sms", "SendSms", "2021-01-11"
CONTENT_TYPE = "application/json; charset=utf-8"
SIGNED = "content-type;host;x-tc-action"
WAITS_S = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30,
    "LimitExceeded.DeliveryFrequencyLimit": 60,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600,
    "LimitExceeded.PhoneNumberDailyLimit": 86_400,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 86_400,
}
"""The limits of one number; those of the whole application are our account's trouble."""
MEANING = wire.Refusals(
    illegal={"InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail"},
    closed={
        "FailedOperation.PhoneNumberInBlacklist",
        "LimitExceeded.AppCountryOrRegionInBlacklist",
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
        "UnsupportedOperation.UnsupportedRegion",
    },
    busy=("InternalError", "RequestLimitExceeded", "ResourceUnavailable", "LimitExceeded.GlobalSmsSendingRateLimit"),
)


@dataclass(frozen=True, slots=True)
class TencentGateway:
    """One application, signature and template. `template_params` names, in order, what fills `{1}`, `{2}`: `code`, `minutes`."""

    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    template_id: str
    template_params: Sequence[str]
    region: str
    endpoint: str
    protocol: str

    @classmethod
    def configured(cls) -> TencentGateway:
        """The application of the settings. Raises NotConfigured while a part is missing or the template gets no code."""
        found = cls(
            settings.TENCENT_SMS_SECRET_ID,
            settings.TENCENT_SMS_SECRET_KEY,
            settings.TENCENT_SMS_APP_ID,
            settings.TENCENT_SMS_SIGN_NAME,
            settings.TENCENT_SMS_TEMPLATE_ID,
            settings.TENCENT_SMS_TEMPLATE_PARAMS,
            settings.TENCENT_SMS_REGION,
            settings.TENCENT_SMS_ENDPOINT,
            settings.TENCENT_SMS_PROTOCOL,
        )
        account = (found.secret_id, found.secret_key, found.app_id, found.sign_name, found.template_id)
        values = set(found.template_params)
        if not all((*account, found.region, found.endpoint, found.protocol)) or "code" not in values or not values <= TEMPLATE_VALUES:
            raise NotConfigured(service="sms")
        return found

    def send(self, message: Message) -> None:
        """Tencent has taken the message. Raises Temporary, TooManyRequests, InvalidInput."""
        payload = json.dumps(self._params(message)).encode()
        headers = self._headers(payload, int(clock.real_now().timestamp()))
        _judge(wire.ask(f"{self.protocol}://{self.endpoint}/", headers, payload))

    def _params(self, message: Message) -> dict[str, Any]:
        return {
            "PhoneNumberSet": [message.phone],
            "SmsSdkAppId": self.app_id,
            "SignName": self.sign_name,
            "TemplateId": self.template_id,
            "TemplateParamSet": [message.values[name] for name in self.template_params],
        }

    def _headers(self, payload: bytes, at_s: int) -> dict[str, str]:
        signed = authorization(self.secret_id, self.secret_key, payload, host=self.endpoint, action=ACTION, service=SERVICE, at_s=at_s)
        return {
            "authorization": signed,
            "content-type": CONTENT_TYPE,
            "host": self.endpoint,
            "x-tc-action": ACTION,
            "x-tc-region": self.region,
            "x-tc-timestamp": str(at_s),
            "x-tc-version": VERSION,
        }


def authorization(secret_id: str, secret_key: str, payload: bytes, *, host: str, action: str, service: str, at_s: int) -> str:
    """The Authorization header of a POST of JSON to `/` at `at_s` (Unix seconds; good for five minutes)."""
    day = dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    lines = f"content-type:{CONTENT_TYPE}\nhost:{host}\nx-tc-action:{action.lower()}\n"
    canonical = "\n".join(("POST", "/", "", lines, SIGNED, hashlib.sha256(payload).hexdigest()))
    text = f"{ALGORITHM}\n{at_s}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={SIGNED}, Signature={signature}"


def _judge(answer: wire.Answer) -> None:
    """Nothing, if the message was taken: every refusal comes as HTTP 200, of the request as a whole or of the one number."""
    code, request_id = _standing(answer)
    if code == "Ok":
        return
    if code in WAITS_S:
        raise TooManyRequests(retry_after_s=WAITS_S[code])
    raise wire.refusal("tencent", MEANING, code, request_id)


def _standing(answer: wire.Answer) -> tuple[str, object]:
    try:
        response = answer.body["Response"]
        (standing,) = [response["Error"]] if "Error" in response else response["SendStatusSet"]
        code = standing["Code"]
    except (KeyError, TypeError, ValueError) as error:
        raise wire.unreadable("tencent", answer.status) from error
    if not isinstance(code, str) or (code == "Ok" and answer.status != 200):
        raise wire.unreadable("tencent", answer.status)
    return code, response.get("RequestId")
