"""The two real gateways of text messages, each against a server that proves its signature."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accounts.exceptions import SignInUnavailable
from accounts.models import Identity, SmsCode
from accounts.services.sms import sms_send
from accounts.sms import aliyun, tencent, wire
from accounts.sms.base import Message, Temporary
from accounts.sms.registry import gateway
from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput, NotConfigured, TooManyRequests
from tests.accounts.sms_clouds import SECRET, AliyunCloud, Cloud, TencentCloud
from tests.conftest import ApiFactory

PHONE, CODE = "+8613800138000", "012345"
MESSAGE = Message(PHONE, CODE, 300)
CLOUDS: dict[str, type[Cloud]] = {"aliyun": AliyunCloud, "tencent": TencentCloud}
SHORT = httpx.Timeout(0.3)


@pytest.fixture(params=CLOUDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cloud(name: str, settings: Any) -> Iterator[Cloud]:
    """The cloud runs, and is configured."""
    running = CLOUDS[name]()
    for key, value in running.settings().items():
        setattr(settings, key, value)
    yield running
    running.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any library writes; in the end no code, number or secret stands in it."""
    caplog.set_level(logging.DEBUG)
    yield caplog
    written = "\n".join(logging.Formatter().format(record) for record in caplog.get_records("call"))
    for secret in (CODE, "13800138000", SECRET):
        assert secret not in written


def said(log: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in log.records if record.name == "accounts.sms.wire" and record.levelno == level]


def refused(settings: Any, key: str, value: Any, cloud: Cloud, log: pytest.LogCaptureFixture, code: str) -> None:
    """With one setting wrong the message is not taken, and the operator finds `code` in the log."""
    setattr(settings, key, value)
    with pytest.raises(Temporary):
        gateway().send(MESSAGE)
    assert cloud.taken == []
    (line,) = said(log, logging.ERROR)
    assert code in line


class TestSignatures:
    """The examples that both documents work out in full."""

    def test_of_aliyun(self) -> None:
        headers = {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-version": "2014-05-26",
        }
        query = aliyun.query_of({"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"})
        assert aliyun.authorization("YourAccessKeyId", "YourAccessKeySecret", query, headers) == (
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
            "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        )

    def test_aliyun_parameters_are_spelt_by_rfc_3986(self) -> None:
        assert aliyun.query_of({"b": "a b*~'/&=+", "a": "码"}) == "a=%E7%A0%81&b=a%20b%2A~%27%2F%26%3D%2B"

    def test_of_tencent(self) -> None:
        payload = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
        key_id, key = "AKID" + "*" * 32, "*" * 32
        signed = tencent.authorization(
            key_id, key, payload, host="cvm.tencentcloudapi.com", action="DescribeInstances", service="cvm", at_s=1551113065
        )
        assert signed == (
            f"TC3-HMAC-SHA256 Credential={key_id}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, "
            "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
        )


class TestSending:
    def test_message_is_taken_once_with_values_as_text(self, cloud: Cloud, log: pytest.LogCaptureFixture) -> None:
        gateway().send(MESSAGE)
        assert len(cloud.asks) == 1
        assert [(taken["code"], taken["time"]) for taken in cloud.taken] == [(CODE, "5")]
        assert cloud.taken[0]["phone"].endswith("13800138000")
        assert said(log, logging.ERROR) == said(log, logging.WARNING) == []

    def test_two_messages_are_two_requests(self, cloud: Cloud) -> None:
        for _ in range(2):
            gateway().send(MESSAGE)
        assert len(cloud.taken) == 2

    def test_number_of_another_country_keeps_its_code(self, cloud: Cloud) -> None:
        gateway().send(Message("+85251234567", CODE, 300))
        assert cloud.taken[0]["phone"].removeprefix("+") == "85251234567"

    def test_secret_is_in_no_representation(self, cloud: Cloud) -> None:
        assert SECRET not in repr(gateway())


@pytest.mark.parametrize(
    ("name", "key", "value", "code"),
    [
        ("aliyun", "ALIYUN_SMS_ACCESS_KEY_SECRET", "another", "SignatureDoesNotMatch"),
        ("aliyun", "ALIYUN_SMS_ACCESS_KEY_ID", "another", "InvalidAccessKeyId.NotFound"),
        ("aliyun", "ALIYUN_SMS_SIGN_NAME", "another", "isv.SMS_SIGNATURE_ILLEGAL"),
        ("aliyun", "ALIYUN_SMS_TEMPLATE_CODE", "another", "isv.SMS_TEMPLATE_ILLEGAL"),
        ("aliyun", "ALIYUN_SMS_TEMPLATE_PARAMS", {"number": "code"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ("tencent", "TENCENT_SMS_SECRET_KEY", "another", "AuthFailure.SignatureFailure"),
        ("tencent", "TENCENT_SMS_SECRET_ID", "another", "AuthFailure.SecretIdNotFound"),
        ("tencent", "TENCENT_SMS_SIGN_NAME", "another", "FailedOperation.SignatureIncorrectOrUnapproved"),
        ("tencent", "TENCENT_SMS_APP_ID", "another", "InvalidParameterValue.SdkAppIdNotExist"),
        ("tencent", "TENCENT_SMS_TEMPLATE_PARAMS", ["code"], "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ("tencent", "TENCENT_SMS_REGION", "elsewhere", "InvalidAction"),
    ],
)
def test_wrong_setting_is_the_operators_trouble(
    cloud: Cloud, settings: Any, log: pytest.LogCaptureFixture, key: str, value: Any, code: str
) -> None:
    refused(settings, key, value, cloud, log, code)


def test_clock_that_is_off_is_the_operators_trouble(
    name: str, cloud: Cloud, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = kernel_clock.real_now() - dt.timedelta(minutes=16)
    monkeypatch.setattr(kernel_clock, "real_now", lambda: late)
    with pytest.raises(Temporary):
        gateway().send(MESSAGE)
    assert "Expire" in said(log, logging.ERROR)[0]


@pytest.mark.parametrize(
    ("name", "code", "text", "wait_s"),
    [
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", 60),
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5", 3600),
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10", 86_400),
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "in words of tomorrow", 60),
        ("tencent", "LimitExceeded.PhoneNumberThirtySecondLimit", "", 30),
        ("tencent", "LimitExceeded.PhoneNumberOneHourLimit", "", 3600),
        ("tencent", "LimitExceeded.PhoneNumberDailyLimit", "", 86_400),
        ("tencent", "LimitExceeded.DeliveryFrequencyLimit", "", 60),
    ],
)
def test_limit_of_the_number_is_too_many_requests(cloud: Cloud, log: pytest.LogCaptureFixture, code: str, text: str, wait_s: int) -> None:
    cloud.refuse(code, text)
    with pytest.raises(TooManyRequests) as refusal:
        gateway().send(MESSAGE)
    assert refusal.value.params["retry_after_s"] == wait_s
    assert (len(cloud.asks), cloud.taken) == (1, [])
    assert said(log, logging.ERROR) == []


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("aliyun", "isv.MOBILE_NUMBER_ILLEGAL", "not a valid mobile"),
        ("tencent", "InvalidParameterValue.IncorrectPhoneNumber", "not a valid mobile"),
        ("tencent", "FailedOperation.PhoneNumberParseFail", "not a valid mobile"),
        ("tencent", "FailedOperation.PhoneNumberInBlacklist", "cannot be sent"),
        ("tencent", "UnsupportedOperation.UnsupportedRegion", "cannot be sent"),
        ("tencent", "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", "cannot be sent"),
    ],
)
def test_wrong_number_is_invalid_input(cloud: Cloud, log: pytest.LogCaptureFixture, code: str, text: str) -> None:
    cloud.refuse(code, "13800138000 is no number")
    with pytest.raises(InvalidInput) as refusal:
        gateway().send(MESSAGE)
    (fault,) = refusal.value.errors
    assert fault.loc == ("body", "phone_number")
    assert text in fault.message
    assert (len(cloud.asks), cloud.taken) == (1, [])


@pytest.mark.parametrize(
    ("name", "code", "status", "level"),
    [
        ("aliyun", "isv.AMOUNT_NOT_ENOUGH", 200, logging.ERROR),
        ("aliyun", "isv.OUT_OF_SERVICE", 200, logging.ERROR),
        ("aliyun", "isv.BLACK_KEY_CONTROL_LIMIT", 200, logging.ERROR),
        ("aliyun", "isp.RAM_PERMISSION_DENY", 200, logging.ERROR),
        ("aliyun", "isv.OF_NEXT_YEAR", 200, logging.ERROR),
        ("aliyun", "isp.SYSTEM_ERROR", 200, logging.WARNING),
        ("aliyun", "Throttling.User", 400, logging.WARNING),
        ("aliyun", "ServiceUnavailable", 503, logging.WARNING),
        ("aliyun", "OK", 500, logging.ERROR),
        ("tencent", "FailedOperation.InsufficientBalanceInSmsPackage", 200, logging.ERROR),
        ("tencent", "FailedOperation.TemplateIncorrectOrUnapproved", 200, logging.ERROR),
        ("tencent", "LimitExceeded.AppDailyLimit", 200, logging.ERROR),
        ("tencent", "OfNextYear", 200, logging.ERROR),
        ("tencent", "InternalError.Timeout", 200, logging.WARNING),
        ("tencent", "RequestLimitExceeded", 200, logging.WARNING),
    ],
)
def test_trouble_of_account_or_cloud_is_temporary_and_logged(
    cloud: Cloud, log: pytest.LogCaptureFixture, code: str, status: int, level: int
) -> None:
    cloud.refuse(code, f"no {CODE} to 13800138000 by {SECRET}", status)
    with pytest.raises(Temporary):
        gateway().send(MESSAGE)
    (line,) = said(log, level)
    assert code in line
    assert "REQ-1" in line
    assert len(cloud.asks) == 1


GARBAGE = [b"", b"\xff\xfe", b"<html>", b"null", b"[]", b'"OK"', b"{}", b"[" * 50_000, b'{"Code": 1}', b'{"Response": null}']
GARBAGE += [b'{"Response": {"SendStatusSet": []}}', b'{"Response": {"SendStatusSet": [{"Code": 1}]}}', b'{"Response": {"Error": "no"}}']
GARBAGE += [b'{"Code": "OK", "Response": ' + b'"' + b"x" * 70_000 + b'"}']


@pytest.mark.parametrize("status", [200, 302, 502])
def test_unreadable_answer_is_temporary(cloud: Cloud, log: pytest.LogCaptureFixture, status: int) -> None:
    for number, body in enumerate(GARBAGE, 1):
        cloud.raw(body, status)
        with pytest.raises(Temporary):
            gateway().send(MESSAGE)
        assert len(cloud.asks) == number


def test_answer_that_does_not_come_is_not_asked_for_again(
    cloud: Cloud, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "TIMEOUT", SHORT)
    cloud.silent()
    with pytest.raises(Temporary) as failure:
        gateway().send(MESSAGE)
    assert (len(cloud.asks), len(cloud.taken)) == (1, 1)  # it may well have been sent
    assert failure.value.__cause__ is None
    assert "ReadTimeout" in said(log, logging.WARNING)[0]


def test_answer_in_drops_comes_to_an_end(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "DEADLINE_S", -1.0)
    with pytest.raises(Temporary):
        gateway().send(MESSAGE)
    assert len(cloud.asks) == 1


def test_cloud_that_is_not_there_is_temporary(name: str, cloud: Cloud, settings: Any, log: pytest.LogCaptureFixture) -> None:
    setattr(settings, f"{name.upper()}_SMS_ENDPOINT", "127.0.0.1:9")
    with pytest.raises(Temporary):
        gateway().send(MESSAGE)
    assert "ConnectError" in said(log, logging.WARNING)[0]


def test_every_time_out_is_set() -> None:
    assert all(seconds and seconds <= 10 for seconds in wire.TIMEOUT.as_dict().values())


@pytest.mark.django_db
class TestConfiguration:
    def test_is_off_while_one_part_is_missing(self, cloud: Cloud, settings: Any) -> None:
        assert gateway()
        for key, value in cloud.settings().items():
            setattr(settings, key, type(value)())
            with pytest.raises(NotConfigured):
                sms_send(phone=PHONE, address=None)
            setattr(settings, key, value)
        assert not SmsCode.objects.exists()
        assert cloud.asks == []

    def test_template_without_code_or_with_unknown_values_is_none(self, name: str, cloud: Cloud, settings: Any) -> None:
        for values in (["minutes"], ["code", "name"]):
            given = values if name == "tencent" else dict(enumerate(values))
            setattr(settings, f"{name.upper()}_SMS_TEMPLATE_PARAMS", given)
            with pytest.raises(NotConfigured):
                gateway()


@pytest.mark.django_db
class TestWholePath:
    def test_code_that_was_sent_signs_in(self, cloud: Cloud, api: ApiFactory, log: pytest.LogCaptureFixture) -> None:
        answer = api().post("/api/auth/sms/send", {"phone_number": "86-13800138000"})
        assert (answer.status, answer.body["expires_in"], answer.body["remaining_requests"]) == (200, 300, 4)
        (taken,) = cloud.taken
        body = {"phone_number": "86-13800138000", "code": taken["code"], "username": "zhang"}
        wrong = api().post("/api/auth/sms/login", {**body, "code": f"{(int(taken['code']) + 1) % 1_000_000:06d}"})
        assert wrong.status == 401
        assert not Identity.objects.exists()
        login = api().post("/api/auth/sms/login", body)
        assert login.status == 200
        assert api_of(api, login.body).status == 200
        assert list(Identity.objects.values_list("kind", "subject")) == [("phone", PHONE)]
        assert taken["code"] not in log.text

    def test_unknown_answer_leaves_a_code_that_works(self, cloud: Cloud, api: ApiFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wire, "TIMEOUT", SHORT)
        cloud.silent()
        with pytest.raises(SignInUnavailable):
            sms_send(phone=PHONE, address=None)
        (taken,) = cloud.taken
        login = api().post("/api/auth/sms/login", {"phone_number": PHONE, "code": taken["code"], "username": "zhang"})
        assert login.status == 200

    def test_refusals_reach_the_client_in_the_contracts_words(self, name: str, cloud: Cloud, api: ApiFactory) -> None:
        limit, illegal, trouble = {
            "aliyun": ("isv.BUSINESS_LIMIT_CONTROL", "isv.MOBILE_NUMBER_ILLEGAL", "isv.AMOUNT_NOT_ENOUGH"),
            "tencent": (
                "LimitExceeded.DeliveryFrequencyLimit",
                "InvalidParameterValue.IncorrectPhoneNumber",
                "FailedOperation.InsufficientBalanceInSmsPackage",
            ),
        }[name]
        for code, status in ((limit, 429), (illegal, 422), (trouble, 503)):
            cloud.refuse(code)
            answer = api().post("/api/auth/sms/send", {"phone_number": PHONE})
            assert answer.status == status
            assert code not in json.dumps(answer.body)
            assert ("Retry-After" in answer.headers) == (status != 422)
        assert cloud.taken == []


def api_of(api: ApiFactory, body: Any) -> Any:
    """What the user of a login's tokens sees of themselves."""
    client = api()
    client.token = body["access_token"]
    return client.get("/api/auth/me")
