"""Phone numbers: every spelling of one mobile number becomes the same E.164 text."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from config.kernel.errors import InvalidInput

MOBILE = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
CODE_DASH_NUMBER = re.compile(r"\d{1,3}-\d+")
ALLOWED = re.compile(r"[+\d\s().-]{5,32}")


def phone_parse(text: str, *, field: str = "phone_number") -> str:
    """`86-13800138000`, `13800138000` or E.164 as E.164. Raises InvalidInput for all but a valid mobile number.

    Source: upstreams/commerce_and_identity.md §6.4.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if ALLOWED.fullmatch(plain) is None:
        raise _invalid(field)
    candidate = f"+{plain}" if CODE_DASH_NUMBER.fullmatch(plain) else plain
    try:
        number = phonenumbers.parse(candidate, "CN")
    except phonenumbers.NumberParseException as error:
        raise _invalid(field) from error
    if number.extension or not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in MOBILE:
        raise _invalid(field)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _invalid(field: str) -> InvalidInput:
    return InvalidInput.field(field, "this is not a valid mobile phone number", "value_error.phone")
