"""Notices as Alipay sends them: forms signed with Alipay's key, read by the real adapter."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from config.kernel import clock
from payments.gateways.base import Outcome, PayoutOutcome, PayoutStanding, RawNotice, RefundStanding, Standing
from payments.gateways.sandbox.keys import rsa_key
from payments.gateways.sandbox.notices import digest, dump

TRANSFERS = {PayoutOutcome.PAID: "SUCCESS", PayoutOutcome.REFUSED: "FAIL", PayoutOutcome.RETURNED: "REFUND"}


def payment(standing: Standing) -> RawNotice:
    """The notice of a trade that was paid, or closed without money. Source: opendocs.alipay.com, asynchronous notices."""
    is_paid = standing.outcome == Outcome.PAID
    more = {"trade_status": "TRADE_SUCCESS", "gmt_payment": _now()} if is_paid else {"trade_status": "TRADE_CLOSED", "gmt_close": _now()}
    return _trade(standing, standing.amount_cents, more, f"payment:{standing.outcome}")


def refund(standing: RefundStanding, *, paid_cents: int, refunded_cents: int) -> RawNotice:
    """The notice of a refund: `refund_fee` counts all refunds of the trade, which closes when nothing is left."""
    values = _values()
    more = {
        "trade_status": "TRADE_CLOSED" if refunded_cents >= paid_cents else "TRADE_SUCCESS",
        "gmt_payment": _now(),
        "gmt_refund": _now(),
        "out_biz_no": standing.refund_uuid.hex if standing.refund_uuid else "",
        "refund_fee": values.yuan(refunded_cents),
    }
    return _trade(standing, paid_cents, more, f"refund:{standing.refund_uuid}")


def payout(standing: PayoutStanding) -> RawNotice:
    """The message of a transfer that ended, or came back. Source: opendocs.alipay.com, alipay.fund.trans.order.changed."""
    content = {
        "out_biz_no": standing.payout_uuid.hex if standing.payout_uuid else "",
        "order_id": standing.external_id,
        "trans_amount": _values().yuan(standing.amount_cents),
        "status": TRANSFERS[standing.outcome],
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
    } | ({} if standing.outcome == PayoutOutcome.PAID else {"error_code": "PAYEE_ACCOUNT_STATUS_ERROR"})
    fields = {
        "notify_id": digest("alipay", standing.payout_uuid, standing.outcome),
        "utc_timestamp": str(int(clock.real_now().timestamp() * 1000)),
        "msg_method": "alipay.fund.trans.order.changed",
        "version": "1.1",
        "biz_content": dump(content).decode(),
    }
    return _signed(fields)


def _trade(standing: Standing | RefundStanding, total_cents: int, more: dict[str, str], news: str) -> RawNotice:
    number = standing.order_uuid.hex if standing.order_uuid else ""
    fields = {
        "notify_time": _now(),
        "notify_type": "trade_status_sync",
        "notify_id": digest("alipay", number, news),
        "version": "1.0",
        "seller_id": _config().seller_id,
        "trade_no": standing.charge_id or f"sbp_{number}",
        "out_trade_no": number,
        "total_amount": _values().yuan(total_cents),
    }
    return _signed(fields | more)


def _signed(fields: dict[str, str]) -> RawNotice:
    from payments.gateways.alipay.signing import signed

    whole = fields | {"app_id": _config().app_id, "charset": "utf-8"}
    body = urlencode(signed(rsa_key("alipay-platform"), whole)).encode()
    return RawNotice(body, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"})


def _now() -> str:
    return str(_values().moment(clock.real_now()))


def _config() -> Any:
    from payments.gateways.alipay.config import AlipayConfig  # needed only in a process that plays Alipay

    return AlipayConfig.sandbox()


def _values() -> Any:
    from payments.gateways.alipay import values

    return values
