"""Alipay's notices and messages: signed forms, proven and read."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from config.kernel import clock
from payments.gateways.alipay import values
from payments.gateways.alipay.config import AlipayConfig
from payments.gateways.alipay.signing import SIGN_TYPE, is_signed, notice_content
from payments.gateways.alipay.trades import CURRENCY, trade_standing
from payments.gateways.alipay.transfers import transfer_standing
from payments.gateways.base import PayoutStanding, RawNotice, RefundOutcome, RefundStanding, Subject, Unproven, VerifiedNotice

LIFE = dt.timedelta(hours=26)
"""Alipay repeats a notice for 24 h 24 min (4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h), perhaps under its first `notify_time`; the rest is
for clocks that differ. Within it a repeat is known by its `notify_id`."""
AHEAD = dt.timedelta(minutes=10)
FIELDS_MOST = 100
NOTICE_ID = re.compile(r"[0-9A-Za-z_.:-]{8,128}", re.ASCII)
WORD = re.compile(r"[0-9A-Za-z_.]{1,60}", re.ASCII)
TRADE = "trade_status_sync"
TRANSFER = "alipay.fund.trans.order.changed"


def proven(notice: RawNotice, config: AlipayConfig) -> VerifiedNotice:
    """The notice, if Alipay signed it for this application and this seller, lately. Raises Unproven."""
    fields = form(notice.body)
    if fields.get("sign_type") != SIGN_TYPE or not fields.get("sign"):
        raise Unproven("It is not signed by RSA2.")
    if not is_signed(config.alipay_public_key, notice_content(fields), fields["sign"]):
        raise Unproven("The signature does not match.", alarm="forged_notice")
    _addressed(fields, config)
    _timely(fields)
    return told(fields)


def read(body: bytes) -> VerifiedNotice:
    """What a stored notice says. Raises Unproven."""
    return told(form(body))


def form(body: bytes) -> dict[str, str]:
    """The fields of a form in UTF-8, each at most once. Raises Unproven."""
    try:
        pairs = parse_qsl(body.decode("ascii"), True, True, encoding="utf-8", errors="strict", max_num_fields=FIELDS_MOST)
    except ValueError as error:
        raise Unproven("The body is no form in UTF-8.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unproven("A field of the form stands there twice.", alarm="forged_notice")
    if fields.get("charset", "utf-8").lower() != "utf-8":
        raise Unproven("The notice is in another character set than was asked for.")
    return fields


def told(fields: Mapping[str, str]) -> VerifiedNotice:
    """What the fields of a proven notice say. Raises Unproven if they make no sense."""
    number = fields.get("notify_id", "")
    if not NOTICE_ID.fullmatch(number):
        raise Unproven("The notice has no id.")
    try:
        kind, subject = _subject(fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unproven("The notice makes no sense.") from error
    return VerifiedNotice(number, kind, subject)


def _addressed(fields: Mapping[str, str], config: AlipayConfig) -> None:
    """Raises Unproven for what Alipay told somebody else: it is genuine, and of another merchant's money."""
    if fields.get("app_id") != config.app_id or fields.get("auth_app_id", config.app_id) != config.app_id:
        raise Unproven("The notice is for another app.", alarm="wrong_merchant")
    if "msg_method" not in fields and fields.get("seller_id") != config.seller_id:
        raise Unproven("The notice is for another seller.", alarm="wrong_merchant")


def _timely(fields: Mapping[str, str]) -> None:
    try:
        sent_at = _sent_at(fields)
    except (ValueError, OverflowError, OSError) as error:
        raise Unproven("The notice does not say when it was sent.") from error
    if not -AHEAD <= clock.real_now() - sent_at <= LIFE:
        raise Unproven("The notice is too old, or of a time to come.")


def _sent_at(fields: Mapping[str, str]) -> dt.datetime:
    """`notify_time` in Beijing time; messages say `utc_timestamp` in milliseconds."""
    if fields.get("notify_time"):
        return values.parse_moment(fields["notify_time"])
    return dt.datetime.fromtimestamp(int(fields.get("utc_timestamp", "")) / 1000, dt.UTC)


def _subject(fields: Mapping[str, str]) -> tuple[str, Subject | None]:
    kind = fields.get("msg_method") or fields.get("notify_type", "")
    if not WORD.fullmatch(kind):
        raise ValueError("no kind")
    if "msg_method" in fields:
        return kind, _transfer(json.loads(fields["biz_content"])) if kind == TRANSFER else None
    if kind != TRADE:
        return kind, None
    status = fields["trade_status"]
    if _is_refund(fields, status):
        return f"{kind}.refund", _refund(fields, status)
    return f"{kind}.{status}", trade_standing(fields, status)


def _transfer(content: Mapping[str, str]) -> PayoutStanding | None:
    """None for a transfer that the merchant made elsewhere: its number is not one of ours."""
    standing = transfer_standing(content)
    return standing if standing.payout_uuid else None


def _is_refund(fields: Mapping[str, str], status: str) -> bool:
    """A notice with any trace of a refund tells of it, whatever the trade's state; and a paid trade closes only when all is given back."""
    if fields.get("gmt_refund") or fields.get("out_biz_no") or values.cents(fields.get("refund_fee") or "0"):
        return True
    return status == "TRADE_CLOSED" and bool(fields.get("gmt_payment"))


def _refund(fields: Mapping[str, str], status: str) -> RefundStanding:
    """`refund_fee` counts all refunds of the trade. What this one gave back is not said, so the notice speaks of the total only."""
    total = fields["total_amount"] if status == "TRADE_CLOSED" else fields.get("refund_fee")
    return RefundStanding(
        RefundOutcome.SUCCEEDED,
        order_uuid=values.uuid_of(fields["out_trade_no"]),
        charge_id=fields["trade_no"],
        currency=fields.get("trans_currency") or CURRENCY,
        refunded_total_cents=values.cents(total) if total else None,
    )
