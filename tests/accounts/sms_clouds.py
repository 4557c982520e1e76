"""Two clouds that take text messages, as their documents describe them: each proves the signature with code of its own.

Sources: upstreams/commerce_and_identity.md §6; help.aliyun.com "V3 request structure and signature"; cloud.tencent.com "Signature v3".
Both also take what the official SDKs send (seen with alibabacloud-dysmsapi20170525 4.6.0 and tencentcloud-sdk-python-sms 3.1.153).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.harness import CrowdServer

SECRET = "a-secret-that-is-in-no-log"
SIGN_NAME = "星图 & Co"
Reply = tuple[int, bytes]
MAINLAND = re.compile(r"1[3-9]\d{9}")


@dataclass(frozen=True)
class Ask:
    """One request as it lay on the wire; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Refused(Exception):
    """What the cloud's front answers before it looks at the message: status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Cloud:
    """A running server. `taken` are the messages it sent on; `next` is one answer that stands in for the regular one."""

    key_id: str
    service: str

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.taken: list[dict[str, Any]] = []
        self.next: Callable[[Ask], Reply] | None = None
        self.stop = threading.Event()
        self.http = CrowdServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nobody listens any more."""
        self.stop.set()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    def settings(self) -> dict[str, Any]:
        """What must be configured so that messages come here."""
        raise NotImplementedError

    def answer(self, ask: Ask) -> Reply:
        """What the cloud answers."""
        raise NotImplementedError

    def refusal(self, code: str, text: str = "", status: int = 200) -> Reply:
        """A business refusal of one message in the cloud's own shape."""
        raise NotImplementedError

    def front_refusal(self, code: str, status: int) -> Reply:
        """A refusal of the whole request in the cloud's own shape."""
        raise NotImplementedError

    def refuse(self, code: str, text: str = "", status: int = 200) -> None:
        """The next message, rightly signed, is refused with `code`."""

        def reply(ask: Ask) -> Reply:
            self.proven(ask)
            return self.refusal(code, text, status)

        self.next = reply

    def raw(self, body: bytes, status: int = 200) -> None:
        """The next request is answered `body`."""
        self.next = lambda _: (status, body)

    def silent(self) -> None:
        """The next request is taken, and its answer does not come."""

        def reply(ask: Ask) -> Reply:
            self.answer(ask)
            self.stop.wait(20)
            return 200, b""

        self.next = reply

    def proven(self, ask: Ask) -> None:
        """Raises Refused unless the request's signature holds."""
        raise NotImplementedError

    def respond(self, ask: Ask) -> Reply:
        """The planned answer once, then the regular one."""
        self.asks.append(ask)
        planned, self.next = self.next, None
        try:
            return (planned or self.answer)(ask)
        except Refused as refused:
            return self.front_refusal(refused.code, refused.status)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = cloud.respond(Ask(self.path, headers, body))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def handle(self) -> None:
                try:
                    super().handle()
                except (BrokenPipeError, ConnectionResetError):
                    return

            def log_message(self, *_: Any) -> None:
                return

        return Handler


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical(ask: Ask, query: str, names: list[str], lower: bool = False) -> str:
    values = [ask.headers[name].strip() for name in names]
    lines = [f"{name}:{value.lower() if lower else value}" for name, value in zip(names, values, strict=True)]
    return "\n".join(["POST", urlsplit(ask.path).path, query, *lines, "", ";".join(names), _sha256(ask.body)])


class AliyunCloud(Cloud):
    """dysmsapi: parameters in the query, ACS3-HMAC-SHA256, refusals of the message as HTTP 200."""

    key_id = "LTAI-tests"

    def __init__(self) -> None:
        self.nonces: set[str] = set()
        super().__init__()

    def settings(self) -> dict[str, Any]:
        return {
            "SMS_GATEWAY": "aliyun",
            "ALIYUN_SMS_ACCESS_KEY_ID": self.key_id,
            "ALIYUN_SMS_ACCESS_KEY_SECRET": SECRET,
            "ALIYUN_SMS_SIGN_NAME": SIGN_NAME,
            "ALIYUN_SMS_TEMPLATE_CODE": "SMS_1234",
            "ALIYUN_SMS_TEMPLATE_PARAMS": {"code": "code", "time": "minutes"},
            "ALIYUN_SMS_ENDPOINT": self.host,
            "ALIYUN_SMS_PROTOCOL": "http",
        }

    def proven(self, ask: Ask) -> None:
        found = re.fullmatch(r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})", self._header(ask))
        if found is None:
            raise Refused(400, "IncompleteSignature")
        key_id, names, signature = found[1], found[2].split(";"), found[3]
        if key_id != self.key_id:
            raise Refused(404, "InvalidAccessKeyId.NotFound")
        self._judge_headers(ask, names)
        pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in self._pairs(ask))
        canonical = _canonical(ask, "&".join(f"{name}={value}" for name, value in pairs), names)
        text = f"ACS3-HMAC-SHA256\n{_sha256(canonical.encode())}"
        if not hmac.compare_digest(hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest(), signature):
            raise Refused(400, "SignatureDoesNotMatch")

    def _header(self, ask: Ask) -> str:
        return ask.headers.get("authorization", "")

    def _pairs(self, ask: Ask) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(ask.path).query, keep_blank_values=True, strict_parsing=True)

    def _judge_headers(self, ask: Ask, names: list[str]) -> None:
        """All of `host`, `x-acs-*` and a `content-type` that is there must be signed; time and nonce hold replays off."""
        must = {name for name in ask.headers if name.startswith("x-acs-") or name in ("host", "content-type")}
        if not must <= set(names) or names != sorted(names):
            raise Refused(400, "IncompleteSignature")
        if ask.headers["x-acs-content-sha256"] != _sha256(ask.body) or ask.headers["host"] != self.host:
            raise Refused(400, "SignatureDoesNotMatch")
        at = dt.datetime.strptime(ask.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
        if abs(dt.datetime.now(dt.UTC) - at) > dt.timedelta(minutes=15):
            raise Refused(400, "InvalidTimeStamp.Expired")
        if ask.headers["x-acs-signature-nonce"] in self.nonces:
            raise Refused(400, "SignatureNonceUsed")
        self.nonces.add(ask.headers["x-acs-signature-nonce"])

    def answer(self, ask: Ask) -> Reply:
        self.proven(ask)
        if (ask.headers.get("x-acs-action"), ask.headers.get("x-acs-version")) != ("SendSms", "2017-05-25"):
            return self.front_refusal("InvalidAction.NotFound", 404)
        given = dict(self._pairs(ask))
        if given.get("SignName") != SIGN_NAME:
            return self.refusal("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
        if given.get("TemplateCode") != "SMS_1234":
            return self.refusal("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法")
        params = json.loads(given["TemplateParam"])
        if not all(isinstance(value, str) for value in params.values()):
            return self.refusal("isv.INVALID_JSON_PARAM", "参数格式错误,请修改为字符串值")
        if not {"code", "time"} <= set(params):
            return self.refusal("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少对应参数值")
        number = re.sub(r"^(\+86|0086|86(?=1\d{10}$))", "", given["PhoneNumbers"])
        if not MAINLAND.fullmatch(number) and not re.fullmatch(r"[1-9]\d{6,14}", number):
            return self.refusal("isv.MOBILE_NUMBER_ILLEGAL", f"{number}invalid mobile number")
        self.taken.append({"phone": number, **params})
        return 200, json.dumps({"Code": "OK", "Message": "OK", "BizId": "900619746936498440^0", "RequestId": "F655A8D5"}).encode()

    def refusal(self, code: str, text: str = "", status: int = 200) -> Reply:
        return status, json.dumps({"Code": code, "Message": text or code, "RequestId": "REQ-1"}).encode()

    def front_refusal(self, code: str, status: int) -> Reply:
        return status, json.dumps({"Code": code, "Message": code, "RequestId": "REQ-1", "HostId": self.host, "Recommend": ""}).encode()


class TencentCloud(Cloud):
    """sms.tencentcloudapi.com: JSON body, TC3-HMAC-SHA256, every answer HTTP 200."""

    key_id = "AKID-tests"

    def settings(self) -> dict[str, Any]:
        return {
            "SMS_GATEWAY": "tencent",
            "TENCENT_SMS_SECRET_ID": self.key_id,
            "TENCENT_SMS_SECRET_KEY": SECRET,
            "TENCENT_SMS_APP_ID": "1400006666",
            "TENCENT_SMS_SIGN_NAME": SIGN_NAME,
            "TENCENT_SMS_TEMPLATE_ID": "1110",
            "TENCENT_SMS_TEMPLATE_PARAMS": ["code", "minutes"],
            "TENCENT_SMS_REGION": "ap-guangzhou",
            "TENCENT_SMS_ENDPOINT": self.host,
            "TENCENT_SMS_PROTOCOL": "http",
        }

    def proven(self, ask: Ask) -> None:
        pattern = r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
        found = re.fullmatch(pattern, ask.headers.get("authorization", ""))
        if found is None:
            raise Refused(200, "AuthFailure.InvalidAuthorization")
        key_id, day, names, signature = found[1], found[2], found[3].split(";"), found[4]
        if key_id != self.key_id:
            raise Refused(200, "AuthFailure.SecretIdNotFound")
        at_s = int(ask.headers["x-tc-timestamp"])
        at = dt.datetime.fromtimestamp(at_s, dt.UTC)
        if abs(dt.datetime.now(dt.UTC) - at) > dt.timedelta(minutes=5) or at.date().isoformat() != day:
            raise Refused(200, "AuthFailure.SignatureExpire")
        if not {"content-type", "host"} <= set(names) or names != sorted(names) or ask.headers["host"] != self.host:
            raise Refused(200, "AuthFailure.SignatureFailure")
        text = f"TC3-HMAC-SHA256\n{at_s}\n{day}/sms/tc3_request\n{_sha256(_canonical(ask, '', names, lower=True).encode())}"
        if not hmac.compare_digest(hmac.new(self._key(day), text.encode(), "sha256").hexdigest(), signature):
            raise Refused(200, "AuthFailure.SignatureFailure")

    def _key(self, day: str) -> bytes:
        dated = hmac.new(b"TC3" + SECRET.encode(), day.encode(), "sha256").digest()
        of_service = hmac.new(dated, b"sms", "sha256").digest()
        return hmac.new(of_service, b"tc3_request", "sha256").digest()

    def answer(self, ask: Ask) -> Reply:
        self.proven(ask)
        called = tuple(ask.headers.get(name) for name in ("x-tc-action", "x-tc-version", "x-tc-region"))
        if called != ("SendSms", "2021-01-11", "ap-guangzhou") or not ask.headers["content-type"].startswith("application/json"):
            return self.front_refusal("InvalidAction", 200)
        given = json.loads(ask.body)
        if given.get("SmsSdkAppId") != "1400006666":
            return self.front_refusal("InvalidParameterValue.SdkAppIdNotExist", 200)
        (phone,) = given["PhoneNumberSet"]
        params = given["TemplateParamSet"]
        if given.get("SignName") != SIGN_NAME:
            return self.refusal("FailedOperation.SignatureIncorrectOrUnapproved", "signature is incorrect or unapproved")
        if not all(isinstance(value, str) for value in params):
            return self.front_refusal("InvalidParameter", 200)
        if given.get("TemplateId") != "1110" or len(params) != 2:
            return self.refusal("FailedOperation.TemplateParamSetNotMatchApprovedTemplate")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", phone):
            return self.refusal("InvalidParameterValue.IncorrectPhoneNumber", "incorrect phone number")
        self.taken.append({"phone": phone, "code": params[0], "time": params[1]})
        return self._response(SendStatusSet=[self._status("Ok", "send success", phone)])

    def _status(self, code: str, text: str, phone: str) -> dict[str, Any]:
        serial = "5000:1045710669157053657849499619" if code == "Ok" else ""
        fee = int(code == "Ok")
        return {
            "SerialNo": serial,
            "PhoneNumber": phone,
            "Fee": fee,
            "SessionContext": "",
            "Code": code,
            "Message": text,
            "IsoCode": "CN",
        }

    def _response(self, **content: Any) -> Reply:
        return 200, json.dumps({"Response": {**content, "RequestId": "REQ-1"}}).encode()

    def refusal(self, code: str, text: str = "", status: int = 200) -> Reply:
        return self._response(SendStatusSet=[self._status(code, text or code, "+8613800138000")])

    def front_refusal(self, code: str, status: int) -> Reply:
        return self._response(Error={"Code": code, "Message": code})
