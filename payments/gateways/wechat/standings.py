"""WeChat Pay's orders, refunds and transfers in our words. A state nobody has told us of raises ValueError."""

from __future__ import annotations

import logging
import re
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from payments.gateways.base import Outcome, PayoutOutcome, PayoutStanding, RefundOutcome, RefundStanding, Standing
from payments.gateways.wechat.config import WechatConfig

log = logging.getLogger(__name__)
Kind = TypeVar("Kind")
OUR_NUMBER = re.compile(r"[0-9a-f]{32}")
CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
ORDERS = {
    "SUCCESS": Outcome.PAID,
    "REFUND": Outcome.PAID,  # it was paid once; what went back since is the refunds' own matter
    "NOTPAY": Outcome.OPEN,
    "CLOSED": Outcome.CANCELLED,
    "REVOKED": Outcome.CANCELLED,
    "USERPAYING": Outcome.PROCESSING,
    "PAYERROR": Outcome.FAILED,
}
REFUNDS = {
    "PROCESSING": RefundOutcome.PROCESSING,
    "SUCCESS": RefundOutcome.SUCCEEDED,
    "CLOSED": RefundOutcome.FAILED,
    "ABNORMAL": RefundOutcome.PROCESSING,  # the payer's card is closed: WeChat keeps the money until the merchant names another way
}
TRANSFERS = {
    "ACCEPTED": PayoutOutcome.PROCESSING,
    "PROCESSING": PayoutOutcome.PROCESSING,
    "WAIT_USER_CONFIRM": PayoutOutcome.CONFIRMING,
    "TRANSFERING": PayoutOutcome.PROCESSING,
    "CANCELING": PayoutOutcome.PROCESSING,
    "SUCCESS": PayoutOutcome.PAID,
    "FAIL": PayoutOutcome.REFUSED,
    "CANCELLED": PayoutOutcome.REFUSED,
}


def number_of(text: object) -> UUID | None:
    """The UUID whose hex digits are our number, or None for a number that is none of ours."""
    return UUID(hex=text) if isinstance(text, str) and OUR_NUMBER.fullmatch(text) else None


def code_of(text: object) -> str:
    """An error code or reason if it has the form of one: safe to log and to show to operators."""
    return text if isinstance(text, str) and CODE.fullmatch(text) else ""


def is_ours(config: WechatConfig, said: dict[str, Any], *, appid: bool = False) -> bool:
    """Whether this merchant is meant (transfers say `mch_id`), and this app: with `appid` it must be named, else it may be left out."""
    merchant = said.get("mchid") or said.get("mch_id")
    app = said.get("appid") if appid else said.get("appid", config.appid)
    return merchant == config.mchid and app == config.appid


def order_standing(said: dict[str, Any]) -> Standing:
    """Where a payment stands. Source: WeChat Pay v3, Query Order; `amount` is the whole order, whatever coupons paid of it."""
    outcome = _mapped(ORDERS, said["trade_state"])
    amount = said["amount"] if outcome == Outcome.PAID else {}
    return Standing(
        outcome,
        order_uuid=number_of(said["out_trade_no"]),
        charge_id=str(said.get("transaction_id") or ""),
        amount_cents=_cents(amount["total"]) if amount else 0,
        currency=str(amount.get("currency") or "CNY"),
    )


def refund_standing(said: dict[str, Any], *, status: str) -> RefundStanding:
    """Where a refund stands; `status` names the field that says it: answers and notices differ. Source: WeChat Pay v3, Refunds."""
    state, amount = said[status], said["amount"]
    if state == "ABNORMAL":
        log.error("WeChat Pay cannot reach the payer of refund %s: finish it in the merchant console", number_of(said["out_refund_no"]))
    return RefundStanding(
        _mapped(REFUNDS, state),
        refund_uuid=number_of(said["out_refund_no"]),
        order_uuid=number_of(said["out_trade_no"]),
        external_id=str(said.get("refund_id") or ""),
        charge_id=str(said.get("transaction_id") or ""),
        amount_cents=_cents(amount["refund"]),
        currency=str(amount.get("currency") or "CNY"),
        text=_refund_text(state),
    )


def payout_standing(config: WechatConfig, said: dict[str, Any], *, amount_cents: int = 0) -> PayoutStanding:
    """Where a transfer stands; `amount_cents` where the answer leaves it out. Source: WeChat Pay v3, Transfer Bills.

    Only the answer that made the transfer (or its repeat) holds what the payee's app needs to confirm it.
    """
    outcome = _mapped(TRANSFERS, said["state"])
    package = str(said.get("package_info") or "")
    confirm = {"mchId": config.mchid, "appId": config.appid, "package": package}
    return PayoutStanding(
        outcome,
        payout_uuid=number_of(said["out_bill_no"]),
        external_id=str(said.get("transfer_bill_no") or ""),
        amount_cents=_cents(said.get("transfer_amount", amount_cents)),
        confirm_params=confirm if package and outcome == PayoutOutcome.CONFIRMING else {},
        text=_payout_text(said) if outcome == PayoutOutcome.REFUSED else "",
    )


def _mapped(table: dict[str, Kind], state: object) -> Kind:
    if not isinstance(state, str) or state not in table:
        raise ValueError("a state that we do not know")
    return table[state]


def _cents(value: object) -> int:
    """A whole number of fen: anything else (true, text, fractions) is no amount."""
    if type(value) is not int or value < 0:
        raise ValueError("no amount")
    return value


def _refund_text(state: str) -> str:
    match state:
        case "ABNORMAL":
            return _("WeChat Pay cannot reach the payer's account: finish the refund in WeChat Pay's merchant console.")
        case "CLOSED":
            return _("WeChat Pay has closed the refund.")
        case _:
            return ""


def _payout_text(said: dict[str, Any]) -> str:
    reason = code_of(said.get("fail_reason"))
    match reason:
        case "OVERDUE_CLOSE":
            return _("The payee did not confirm the transfer in time.")
        case "NAME_NOT_CORRECT" | "REAL_NAME_CHECK_FAIL":
            return _("The payee's name does not match the WeChat account.")
        case "ACCOUNT_FROZEN" | "PAYEE_ACCOUNT_ABNORMAL" | "OPENID_INVALID":
            return _("The payee's WeChat account cannot take the transfer.")
        case "TRANSFER_QUOTA_EXCEED" | "DAY_RECEIVED_QUOTA_EXCEED":
            return _("The payee's limit for transfers is reached.")
        case "":
            return _("WeChat Pay has cancelled the transfer.")
        case _:
            return _("WeChat Pay refused the transfer: %(code)s.") % {"code": reason}
