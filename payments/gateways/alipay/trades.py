"""Payments and refunds in our words. A trade's `out_trade_no` is our order's number, a refund's `out_request_no` our refund's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from payments.gateways.alipay import values
from payments.gateways.base import CheckoutRequest, OrderRef, Outcome, RefundOutcome, RefundRequest, RefundStanding, Rejected, Standing

CURRENCY = "CNY"
MOST_CENTS = 10_000_000_000
SUBJECT_MOST, REASON_MOST = 120, 120


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of checkout: the call that its address or string carries, and the product that it is signed for."""

    method: str
    product: str


PAGES = {
    "page": Page("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    "wap": Page("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    "app": Page("alipay.trade.app.pay", "QUICK_MSECURITY_PAY"),
}
"""By our method. The product of `wap` is what Alipay's own samples send; its clients also know QUICK_WAP_PAY."""


def page_of(request: CheckoutRequest) -> Page:
    """The checkout that `request` asks for. Raises Rejected for another currency, amount or method than Alipay takes."""
    page = PAGES.get(request.method)
    if page is None or request.currency != CURRENCY or not 0 < request.amount_cents <= MOST_CENTS:
        raise Rejected(gettext("Alipay does not take this order."))
    return page


def checkout_content(request: CheckoutRequest, page: Page) -> dict[str, Any]:
    """What is bought; the same order gives the same content. Source: opendocs.alipay.com, alipay.trade.{page,wap,app}.pay."""
    content = {
        "out_trade_no": request.order_uuid.hex,
        "total_amount": values.yuan(request.amount_cents),
        "subject": values.title(request.title, SUBJECT_MOST) or request.order_uuid.hex,
        "product_code": page.product,
        "time_expire": values.moment(request.expires_at),
    }
    return content | ({"quit_url": request.return_url} if request.method == "wap" and request.return_url else {})


def standing_of(order: OrderRef, answer: Mapping[str, Any]) -> Standing:
    """Where a trade that Alipay was asked about stands. Raises ValueError if the answer is about another one or makes no sense."""
    if str(answer["out_trade_no"]) != order.order_uuid.hex:
        raise ValueError("another trade")
    status, is_paid = str(answer["trade_status"]), bool(answer.get("send_pay_date"))
    if status == "TRADE_CLOSED" and is_paid:
        return _given_back(order, answer)
    return trade_standing(answer, status)


def trade_standing(fields: Mapping[str, Any], status: str) -> Standing:
    """Where the trade of `fields` (an answer's, a notice's) stands. Raises ValueError for amounts or states that make no sense."""
    number = str(fields["out_trade_no"])
    outcome = {
        "WAIT_BUYER_PAY": Outcome.OPEN,
        "TRADE_SUCCESS": Outcome.PAID,
        "TRADE_FINISHED": Outcome.PAID,
        "TRADE_CLOSED": Outcome.EXPIRED,
    }.get(status)
    if outcome is None:
        raise ValueError("an unknown state")
    standing = Standing(outcome, values.uuid_of(number), number)
    return _with_money(standing, fields) if outcome == Outcome.PAID else standing


def _with_money(standing: Standing, fields: Mapping[str, Any]) -> Standing:
    currency = str(fields.get("trans_currency") or CURRENCY).upper()
    amount_cents = values.cents(str(fields["total_amount"]))
    return Standing(standing.outcome, standing.order_uuid, standing.external_id, str(fields["trade_no"]), amount_cents, currency)


def _given_back(order: OrderRef, answer: Mapping[str, Any]) -> Standing:
    """A trade that was paid and given back in full is closed, too. No money is left, so there is nothing to honour."""
    charge_id = str(answer.get("trade_no") or "")
    return Standing(Outcome.CANCELLED, order.order_uuid, order.order_uuid.hex, charge_id, text="Paid, and refunded in full at Alipay.")


def refund_content(request: RefundRequest) -> dict[str, Any]:
    """The refund; the same refund gives the same content. Source: opendocs.alipay.com, alipay.trade.refund."""
    content = {
        "out_trade_no": request.order_uuid.hex,
        "out_request_no": request.refund_uuid.hex,
        "refund_amount": values.yuan(request.amount_cents),
    }
    reason = values.title(request.reason, REASON_MOST)
    return content | ({"refund_reason": reason} if reason else {})


def refund_done(request: RefundRequest, answer: Mapping[str, Any]) -> RefundStanding:
    """The refund of an answer that says that this call moved the money. `refund_fee` counts all refunds of the trade."""
    return refund_standing(request, RefundOutcome.SUCCEEDED, answer, values.cents(str(answer["refund_fee"])))


def refund_found(request: RefundRequest, answer: Mapping[str, Any]) -> RefundStanding:
    """Where the refund stands that Alipay was asked about: without a state it never came, or failed. Raises ValueError."""
    status, amount = answer.get("refund_status"), answer.get("refund_amount")
    if not status:
        return refund_standing(request, RefundOutcome.NONE, answer)
    if status != "REFUND_SUCCESS":
        return refund_standing(request, RefundOutcome.PROCESSING, answer)
    if str(answer["out_request_no"]) != request.refund_uuid.hex or values.cents(str(amount)) != request.amount_cents:
        raise ValueError("another refund")
    return refund_standing(request, RefundOutcome.SUCCEEDED, answer)


def refund_standing(
    request: RefundRequest, outcome: RefundOutcome, answer: Mapping[str, Any], refunded_total_cents: int | None = None
) -> RefundStanding:
    """The standing of `request`. Raises ValueError if the answer is about another trade."""
    number = request.order_uuid.hex
    if str(answer.get("out_trade_no", number)) != number:
        raise ValueError("another trade")
    return RefundStanding(
        outcome,
        request.refund_uuid,
        request.order_uuid,
        request.refund_uuid.hex,
        str(answer.get("trade_no") or request.charge_id),
        request.amount_cents,
        CURRENCY,
        refunded_total_cents,
    )
