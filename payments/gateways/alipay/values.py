"""Alipay's spellings: yuan with two decimals, Beijing time without a zone, our numbers as hex digits."""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

from config.kernel.clock import SHANGHAI

MOMENT = "%Y-%m-%d %H:%M:%S"
YUAN = re.compile(r"(\d{1,12})(?:\.(\d{1,2}))?", re.ASCII)
NUMBER = re.compile(r"[0-9a-f]{32}")
UNTOLD = str.maketrans("/=&<>\"'\\\r\n\t", " " * 11)
"""Alipay refuses `/`, `=` and `&` in subjects; the others are of no use to a payer."""


def yuan(amount_cents: int) -> str:
    """`1234` → "12.34"."""
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


def cents(text: str) -> int:
    """ "12.34" → 1234; exact. Raises ValueError for anything that is no amount of at most two decimals."""
    match = YUAN.fullmatch(text)
    if match is None:
        raise ValueError("no amount")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def moment(at: dt.datetime) -> str:
    """An aware time as Alipay writes it."""
    return at.astimezone(SHANGHAI).strftime(MOMENT)


def parse_moment(text: str) -> dt.datetime:
    """The aware time that Alipay wrote. Raises ValueError."""
    return dt.datetime.strptime(text, MOMENT).replace(tzinfo=SHANGHAI)


def uuid_of(number: str) -> UUID | None:
    """Whose number this is: the UUID of our row, None for a number that is not ours."""
    return UUID(hex=number) if NUMBER.fullmatch(number) else None


def title(text: str, most: int) -> str:
    """`text` in characters that Alipay takes, cut."""
    return " ".join(text.translate(UNTOLD).split())[:most]
