"""Phone numbers and codes by text message."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from accounts.exceptions import CodeWrong, SignInUnavailable, UserBanned
from accounts.models import Identity, SmsCode, User
from accounts.services.phone import phone_parse
from accounts.services.sms import sms_send, sms_sign_in, sms_sweep, sms_verify
from accounts.services.user import user_ban
from accounts.sms.base import Temporary
from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput, NotConfigured, TooManyRequests
from tests.accounts.conftest import Person

PHONE = "+8613800138000"


@pytest.mark.parametrize(
    "text",
    ["13800138000", "86-13800138000", "8613800138000", "86 138 0013 8000", "+8613800138000", "１３８００１３８０００", " 138-0013-8000 "],
)
def test_every_spelling_is_one_number(text: str) -> None:
    assert phone_parse(text) == PHONE


def test_a_country_code_before_a_dash_is_one() -> None:
    assert phone_parse("852-51234567") == "+85251234567"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "abc",
        "138****8000",
        "010-12345678",
        "13800138000 ext 5",
        "13800138000;ext=5",
        "1380013800",
        "+1",
        "1-800-FLOWERS",
        "９" * 40,
        "138\x000013800",
    ],
)
def test_what_is_no_mobile_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        phone_parse(text, field="phone")
    assert refusal.value.errors[0].loc == ("body", "phone")


def sent(settings: Any, phone: str = PHONE) -> list[str]:
    lines = (Path(settings.DATA_DIR) / "sms" / f"{phone}.jsonl").read_text().splitlines()
    return [json.loads(line)["code"] for line in lines]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.django_db
class TestCodes:
    def test_send_tells_life_and_what_remains(self, settings: Any) -> None:
        for remaining in (4, 3, 2, 1, 0):
            answer = sms_send(phone="86-13800138000", address="127.0.0.1")
            assert (answer.phone, answer.expires_in, answer.remaining_requests) == (PHONE, 300, remaining)
        with pytest.raises(TooManyRequests) as refusal:
            sms_send(phone="13800138000", address="127.0.0.1")
        assert 3590 <= refusal.value.params["retry_after_s"] <= 3600
        codes = sent(settings)
        assert len(codes) == 5
        assert all(len(code) == 6 and code.isdigit() for code in codes)

    def test_the_hour_slides(self) -> None:
        at = kernel_clock.real_now()
        for minutes in range(5):
            sms_send(phone=PHONE, address=None, at=at + dt.timedelta(minutes=minutes))
        with pytest.raises(TooManyRequests):
            sms_send(phone=PHONE, address=None, at=at + dt.timedelta(minutes=59, seconds=59))
        assert sms_send(phone=PHONE, address=None, at=at + dt.timedelta(minutes=60)).remaining_requests == 0

    def test_no_code_is_stored_in_clear(self, settings: Any) -> None:
        sms_send(phone=PHONE, address=None)
        (code,) = sent(settings)
        assert code not in str(SmsCode.objects.values("phone", "digest").get()["digest"])
        assert len(bytes(SmsCode.objects.get().digest)) == 32

    def test_right_code_works_once(self, settings: Any) -> None:
        sms_send(phone=PHONE, address=None)
        (code,) = sent(settings)
        sms_verify(phone=PHONE, code=code)
        with pytest.raises(CodeWrong):
            sms_verify(phone=PHONE, code=code)

    def test_only_the_newest_code_works(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        codes = iter([111111, 222222])
        monkeypatch.setattr("accounts.services.sms.secrets.randbelow", lambda _: next(codes))
        sms_send(phone=PHONE, address=None)
        sms_send(phone=PHONE, address=None)
        with pytest.raises(CodeWrong):
            sms_verify(phone=PHONE, code="111111")
        sms_verify(phone=PHONE, code="222222")

    def test_five_minutes_in_real_time(self, settings: Any, clock: Any) -> None:
        at = kernel_clock.real_now()
        sms_send(phone=PHONE, address=None, at=at)
        sms_send(phone="13800138001", address=None, at=at)
        clock.advance(days=1)
        with pytest.raises(CodeWrong):
            sms_verify(phone=PHONE, code=sent(settings)[0], at=at + dt.timedelta(seconds=300))
        sms_verify(phone="+8613800138001", code=sent(settings, "+8613800138001")[0], at=at + dt.timedelta(seconds=299))

    def test_four_wrong_tries_forgive_the_fifth_burns(self, settings: Any) -> None:
        for phone, tries in ((PHONE, 4), ("+8613800138001", 5)):
            sms_send(phone=phone, address=None)
            code = sent(settings, phone)[0]
            for _ in range(tries):
                with pytest.raises(CodeWrong):
                    sms_verify(phone=phone, code=other(code))
            if tries == 4:
                sms_verify(phone=phone, code=code)
            else:
                with pytest.raises(CodeWrong):
                    sms_verify(phone=phone, code=code)

    def test_code_of_one_number_does_not_fit_another(self, settings: Any) -> None:
        sms_send(phone=PHONE, address=None)
        with pytest.raises(CodeWrong):
            sms_verify(phone="+8613800138001", code=sent(settings)[0])

    def test_address_budget_holds_but_not_for_loopback_in_demo_mode(self, settings: Any) -> None:
        settings.SMS_ADDRESS_HOUR_LIMIT = 2
        for last in range(2):
            sms_send(phone=f"1380013800{last}", address="8.8.8.8")
        with pytest.raises(TooManyRequests):
            sms_send(phone="13800138002", address="8.8.8.8")
        assert not SmsCode.objects.filter(phone="+8613800138002").exists()
        for last in range(3, 6):
            sms_send(phone=f"1380013800{last}", address="127.0.0.1")
        settings.DEMO, settings.SMS_GATEWAY = True, "file"
        assert SmsCode.objects.count() == 5

    def test_range_budget_holds(self, settings: Any) -> None:
        settings.SMS_RANGE_DAY_LIMIT = 1
        sms_send(phone="13800138000", address=None)
        with pytest.raises(TooManyRequests):
            sms_send(phone="13800999999", address=None)
        sms_send(phone="13900138000", address=None)

    @pytest.mark.parametrize(("demo", "gateway"), [(True, ""), (False, ""), (False, "file"), (False, "unknown")])
    def test_unconfigured_says_so_and_writes_nothing(self, settings: Any, demo: bool, gateway: str) -> None:
        settings.DEMO, settings.SMS_GATEWAY = demo, gateway
        with pytest.raises(NotConfigured):
            sms_send(phone=PHONE, address=None)
        assert not SmsCode.objects.exists()

    def test_a_gateway_that_does_not_take_it_is_told_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any) -> None:
            raise Temporary

        monkeypatch.setattr("accounts.sms.file.FileGateway.send", refuse)
        with pytest.raises(SignInUnavailable):
            sms_send(phone=PHONE, address=None)

    def test_sweep_forgets_old_codes(self) -> None:
        sms_send(phone=PHONE, address=None, at=kernel_clock.real_now() - dt.timedelta(days=2))
        sms_send(phone=PHONE, address=None)
        assert sms_sweep() == 1

    def sign_in(self, settings: Any, phone: str = "13800138000", **fields: Any) -> Any:
        sms_send(phone=phone, address=None)
        return sms_sign_in(phone=phone, code=sent(settings, phone_parse(phone))[-1], **fields)

    def test_first_sign_in_registers_the_next_finds(self, settings: Any) -> None:
        first = self.sign_in(settings, username=" 张三 ")
        assert first.is_new
        assert first.user.username == "张三"
        again = self.sign_in(settings, "86-13800138000", username="another name")
        assert (again.user.pk, again.is_new) == (first.user.pk, False)
        assert again.user.username == "张三"
        assert list(Identity.objects.values_list("kind", "subject")) == [("phone", PHONE)]

    def test_taken_name_gets_a_suffix(self, settings: Any, person: Person) -> None:
        person("Zhang")
        assert self.sign_in(settings, username="zhang").user.username.startswith("zhang_")
        assert len(self.sign_in(settings, "13800138001", username="x" * 50).user.username) == 50
        assert len(self.sign_in(settings, "13800138002", username="X" * 50).user.username) == 50

    @pytest.mark.parametrize("username", ["", "   ", "x" * 51, "a\nb"])
    def test_bad_name_is_refused_before_the_code_is_spent(self, settings: Any, username: str) -> None:
        sms_send(phone=PHONE, address=None)
        (code,) = sent(settings)
        with pytest.raises(InvalidInput):
            sms_sign_in(phone=PHONE, code=code, username=username)
        assert not User.objects.exists()
        assert sms_sign_in(phone=PHONE, code=code).is_new

    def test_wrong_code_makes_nobody(self, settings: Any) -> None:
        sms_send(phone=PHONE, address=None)
        with pytest.raises(CodeWrong):
            sms_sign_in(phone=PHONE, code=other(sent(settings)[0]))
        assert not User.objects.exists()

    def test_contact_phone_signs_nobody_in(self, settings: Any, person: Person) -> None:
        user = person(phone=PHONE)
        assert self.sign_in(settings).user.pk != user.pk

    def test_banned_user_is_refused(self, settings: Any) -> None:
        user = self.sign_in(settings).user
        user_ban(user_id=user.pk, banned=True)
        with pytest.raises(UserBanned):
            self.sign_in(settings)
