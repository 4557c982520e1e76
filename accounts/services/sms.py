"""Codes by text message: sent within budgets, checked in constant time, burnt after five wrong tries. Real time throughout."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import hmac
import ipaddress
import math
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.exceptions import CodeWrong, SignInUnavailable
from accounts.locks import name_lock
from accounts.models import Identity, SmsCode
from accounts.services.phone import phone_parse
from accounts.services.sign_in import SignIn, sign_in_by_identity
from accounts.services.token import real
from accounts.services.user import username_clean
from accounts.sms.base import Message, Temporary
from accounts.sms.registry import gateway
from config.kernel import limits
from config.kernel.errors import InvalidInput, TooManyRequests

CODE_LIFE_S = 300
HOUR = dt.timedelta(hours=1)
SENDS_AN_HOUR = 5
WRONG_TRIES = 5
PREFIX_LENGTH = 7
"""`+86138…`: pumping attacks walk through a range of numbers, so a day's budget is kept by its first characters."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A code is on its way to `phone` (E.164), works for `expires_in` seconds; so many more this hour."""

    phone: str
    expires_in: int
    remaining_requests: int


def sms_send(*, phone: str, address: str | None, field: str = "phone_number", at: dt.datetime | None = None) -> Sent:
    """A new six-digit code is sent to the number; only the newest code of a number works.

    Five an hour a number, exactly; budgets an hour by address (not loopback in demo mode) and a day by range.
    Raises InvalidInput, NotConfigured, TooManyRequests, SignInUnavailable. The gateway is called after commit.
    """
    number, sender = phone_parse(phone, field=field), gateway()
    _budgets(number, address)
    code = f"{secrets.randbelow(1_000_000):06d}"
    with transaction.atomic():
        name_lock("sms", number)
        now = real(at)  # under the lock, so that the number's messages stand in order
        remaining = _remaining(number, now)
        row = SmsCode.objects.create(
            phone=number,
            digest=_digest(number, code),
            created_at=now,
            expires_at=now + dt.timedelta(seconds=CODE_LIFE_S),
            address=address,
        )
    try:
        sender.send(Message(number, code, CODE_LIFE_S))
    except Temporary as error:
        raise SignInUnavailable(service=_("Text messages")) from error
    except InvalidInput as error:
        _void(row)
        raise InvalidInput(*(dataclasses.replace(fault, loc=("body", field)) for fault in error.errors)) from error
    except TooManyRequests:
        _void(row)
        raise
    return Sent(number, CODE_LIFE_S, remaining)


def _void(row: SmsCode) -> None:
    """Nothing was sent: the code before it is the newest again. The try still counts."""
    SmsCode.objects.filter(pk=row.pk).update(expires_at=row.created_at)


def _budgets(number: str, address: str | None) -> None:
    if address and not (settings.DEMO and ipaddress.ip_address(address).is_loopback):
        limits.take("sms-address", address, settings.SMS_ADDRESS_HOUR_LIMIT, 3600)
    limits.take("sms-range", number[:PREFIX_LENGTH], settings.SMS_RANGE_DAY_LIMIT, 86_400)


def _remaining(number: str, at: dt.datetime) -> int:
    """How many more after this one; under the number's lock. Raises TooManyRequests."""
    sent = list(SmsCode.objects.filter(phone=number, created_at__gt=at - HOUR).order_by("created_at").values_list("created_at", flat=True))
    if len(sent) >= SENDS_AN_HOUR:
        wait = sent[-SENDS_AN_HOUR] + HOUR - at
        raise TooManyRequests(retry_after_s=max(1, math.ceil(wait.total_seconds())), limit=SENDS_AN_HOUR)
    return SENDS_AN_HOUR - len(sent) - 1


def _digest(number: str, code: str) -> bytes:
    key = hashlib.sha256(b"sms:" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, f"{number}:{code}".encode(), "sha256")


def sms_verify(*, phone: str, code: str, at: dt.datetime | None = None) -> None:
    """The newest code of the number (E.164) is used up. Raises CodeWrong; a wrong try counts, the fifth burns the code.

    Must not run inside a transaction: a wrong try has to be remembered although it is refused.
    """
    with transaction.atomic(durable=True):
        name_lock("sms", phone)
        right = _used_up(phone, code, real(at))
    if not right:
        raise CodeWrong()


def _used_up(phone: str, code: str, at: dt.datetime) -> bool:
    newest = SmsCode.objects.filter(phone=phone, expires_at__gt=at).order_by("-created_at", "-id").first()
    if newest is None or newest.used_at is not None or newest.wrong_tries >= WRONG_TRIES:
        return False
    right = hmac.compare_digest(bytes(newest.digest), _digest(phone, code))
    if right:
        newest.used_at = at
    else:
        newest.wrong_tries += 1
    newest.save(update_fields=["used_at", "wrong_tries"])
    return right


def sms_sign_in(*, phone: str, code: str, username: str | None = None, field: str = "phone_number") -> SignIn:
    """The owner of the phone is signed in; a new number makes a user, named `username` (1–50) or one with a suffix.

    Raises InvalidInput, CodeWrong, UserBanned.
    """
    number = phone_parse(phone, field=field)
    wish = username_clean(username, shortest=1) if username is not None else f"user_{secrets.randbelow(10**8):08d}"
    sms_verify(phone=number, code=code)
    return sign_in_by_identity(kind=Identity.Kind.PHONE, subject=number, wish=wish, via="sms")


def sms_sweep(*, at: dt.datetime | None = None) -> int:
    """Codes older than a day are forgotten; returns how many."""
    count, _ = SmsCode.objects.filter(created_at__lt=real(at) - dt.timedelta(days=1)).delete()
    return count
