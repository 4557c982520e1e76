"""A day's bill: a zip of CSV files in GBK, the lines of the detailed one in our words."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from payments.gateways.alipay import values
from payments.gateways.alipay.config import AlipayConfig, is_safe
from payments.gateways.alipay.trades import CURRENCY
from payments.gateways.alipay.wire import HEADERS, exchange
from payments.gateways.base import StatementLine, Temporary, Unknown

ZIP_LIMIT_BYTES = 32 * 1024 * 1024
FILE_LIMIT_BYTES = 256 * 1024 * 1024
OWN_HOSTS = (".alipay.com", ".alipaydev.com", ".alipayobjects.com")
TRADE_COLUMN, NUMBER_COLUMN, KIND_COLUMN, AMOUNT_COLUMN, REQUEST_COLUMN = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "订单金额",
    "退款批次号/请求号",
)
SUMMARY = "汇总"


def fetched(config: AlipayConfig, address: str) -> bytes:
    """The zip that Alipay keeps at `address` for half a minute. Raises Temporary."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        url = address if is_safe(address) else parts._replace(scheme="https").geturl()  # Alipay still writes http
        request = httpx.Request("GET", url, headers=HEADERS)
    except (ValueError, httpx.InvalidURL) as error:
        raise Unknown("the bill has no address") from error
    if host != urlsplit(config.gateway).hostname and not host.endswith(OWN_HOSTS):
        raise Unknown("the bill lies at another host")
    return exchange(request, ZIP_LIMIT_BYTES)


def lines(archive: bytes) -> list[StatementLine]:
    """The payments and refunds of the bill. Raises Temporary if it cannot be read, as nothing may be missing from it."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive), metadata_encoding="gbk") as files:
            found = [info for info in files.infolist() if info.filename.endswith(".csv") and SUMMARY not in info.filename]
            if not found or sum(info.file_size for info in found) > FILE_LIMIT_BYTES:
                raise ValueError("no bill, or more than a bill")
            return [line for info in found for line in _lines_of(files, info)]
    except (ValueError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, csv.Error) as error:
        raise Temporary("the bill cannot be read") from error


def _lines_of(files: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[StatementLine]:
    """`zipfile` itself unpacks no more than the size that `info` declares."""
    with files.open(info) as raw:
        text = io.TextIOWrapper(raw, "gb18030", errors="replace", newline="")
        rows = csv.DictReader(row for row in text if not row.startswith("#"))
        for row in rows:
            yield _line({_name(name): (value or "").strip() for name, value in row.items() if isinstance(name, str)})


def _name(title: str) -> str:
    """A column's title without its unit."""
    return title.strip().partition("（")[0].partition("(")[0]


def _line(row: Mapping[str, str]) -> StatementLine:
    """Refunds stand with a minus, and under the number of their own request."""
    amount = row[AMOUNT_COLUMN].replace(",", "")
    is_refund = amount.startswith("-") or "退" in row[KIND_COLUMN]
    number = row[REQUEST_COLUMN if is_refund else NUMBER_COLUMN]
    known = number if values.uuid_of(number) else ""
    return StatementLine("refund" if is_refund else "payment", known, row[TRADE_COLUMN], values.cents(amount.lstrip("-")), CURRENCY)
