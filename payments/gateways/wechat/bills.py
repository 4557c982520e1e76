"""WeChat Pay's bill of one day, line by line."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from payments.gateways.base import StatementLine, Unknown
from payments.gateways.wechat.standings import number_of

PAID, REFUNDED = "SUCCESS", "REFUND"
NOT_MOVED = "FAIL"
BYTES_MOST = 256 * 1024 * 1024


def unpacked(packed: bytes, sha1: str) -> str:
    """The text of a bill whose digest is the one that the proven answer names. Raises Unknown."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            plain = file.read(BYTES_MOST)
    except (OSError, EOFError, zlib.error) as error:
        raise Unknown("the bill cannot be unpacked") from error
    if hashlib.sha1(plain, usedforsecurity=False).hexdigest() != sha1.lower():
        raise Unknown("the bill is not the one that was promised")
    return plain.decode("utf-8-sig", errors="replace")


def lines_of(text: str) -> Iterator[StatementLine]:
    """Payments and refunds of a bill of type ALL. Raises Unknown if it has another form.

    Each value begins with a backquote, so that commas in titles part nothing; a line without is a heading, and the last are totals.
    """
    heading, *rows = [row.strip() for row in text.splitlines() if row.strip()] or [""]
    names = heading.split(",")
    try:
        for row in rows:
            if not row.startswith("`"):
                return
            values = dict(zip(names, row[1:].split(",`"), strict=True))
            yield from _line(values)
    except (KeyError, ValueError, InvalidOperation) as error:
        raise Unknown("the bill has another form") from error


def _line(values: dict[str, str]) -> Iterator[StatementLine]:
    match values["交易状态"]:
        case "SUCCESS":
            yield _entry("payment", values, "商户订单号", "微信订单号", "订单金额")
        case "REFUND" if values["退款状态"] != NOT_MOVED:
            yield _entry("refund", values, "商户退款单号", "微信退款单号", "申请退款金额")


def _entry(kind: str, values: dict[str, str], number: str, external_id: str, amount: str) -> StatementLine:
    ours = values[number] if number_of(values[number]) else ""
    return StatementLine(kind, ours, values[external_id], _cents(values[amount]), values["货币种类"])


def _cents(yuan: str) -> int:
    cents = Decimal(yuan) * 100
    if cents != cents.to_integral_value() or cents < 0:
        raise ValueError("no amount")
    return int(cents)
