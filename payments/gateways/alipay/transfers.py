"""Transfers to people in our words. A transfer's `out_biz_no` is our payout's number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from payments.gateways.alipay import values
from payments.gateways.alipay.verdicts import payout_failure
from payments.gateways.base import PayoutOutcome, PayoutRequest, PayoutStanding, Rejected

PRODUCT, SCENE = "TRANS_ACCOUNT_NO_PWD", "DIRECT_TRANSFER"
LEAST_CENTS = 10
TITLE_MOST = 60
USER_ID = re.compile(r"2088\d{12}", re.ASCII)
OUTCOMES = {
    "SUCCESS": PayoutOutcome.PAID,
    "FAIL": PayoutOutcome.REFUSED,
    "CLOSED": PayoutOutcome.REFUSED,
    "REFUND": PayoutOutcome.RETURNED,
    "DEALING": PayoutOutcome.PROCESSING,
    "INIT": PayoutOutcome.PROCESSING,
    "WAIT_PAY": PayoutOutcome.PROCESSING,
}


def transfer_content(request: PayoutRequest) -> dict[str, Any]:
    """The transfer, the same one for the same payout. Raises Rejected. Source: opendocs.alipay.com, alipay.fund.trans.uni.transfer."""
    if request.amount_cents < LEAST_CENTS:
        raise Rejected(gettext("Alipay sends 0.10 yuan or more."))
    title = values.title(request.title, TITLE_MOST)
    return {
        "out_biz_no": request.payout_uuid.hex,
        "trans_amount": values.yuan(request.amount_cents),
        "product_code": PRODUCT,
        "biz_scene": SCENE,
        "order_title": title,
        "payee_info": _payee(request.account),
        "remark": title,
    }


def query_content(request: PayoutRequest) -> dict[str, Any]:
    """The question where the payout stands. Source: opendocs.alipay.com, alipay.fund.trans.common.query."""
    return {"out_biz_no": request.payout_uuid.hex, "product_code": PRODUCT, "biz_scene": SCENE}


def standing_of(request: PayoutRequest, answer: Mapping[str, Any]) -> PayoutStanding:
    """Where the payout stands. Raises ValueError if the answer is about another one or makes no sense."""
    if str(answer.get("out_biz_no", request.payout_uuid.hex)) != request.payout_uuid.hex:
        raise ValueError("another transfer")
    return transfer_standing({"trans_amount": values.yuan(request.amount_cents), **answer, "out_biz_no": request.payout_uuid.hex})


def transfer_standing(fields: Mapping[str, Any]) -> PayoutStanding:
    """Where the transfer of `fields` (an answer's, a message's) stands. Raises ValueError."""
    outcome = OUTCOMES.get(str(fields["status"]))
    if outcome is None:
        raise ValueError("an unknown state")
    is_failed = outcome in (PayoutOutcome.REFUSED, PayoutOutcome.RETURNED)
    return PayoutStanding(
        outcome,
        values.uuid_of(str(fields["out_biz_no"])),
        str(fields.get("order_id") or ""),
        values.cents(str(fields["trans_amount"])),
        text=payout_failure(str(fields.get("error_code") or "")) if is_failed else "",
    )


def _payee(account: Mapping[str, str]) -> dict[str, str]:
    """Who is paid: what the user calls their account is a sign-in name, which needs its owner's name, unless it is Alipay's own user id."""
    identity, name = account.get("account", "").strip(), account.get("name", "").strip()
    if not identity:
        raise Rejected(gettext("The Alipay account is missing."))
    if USER_ID.fullmatch(identity):
        return {"identity": identity, "identity_type": "ALIPAY_USER_ID"} | ({"name": name} if name else {})
    if not name:
        raise Rejected(gettext("The name of the Alipay account's owner is missing."))
    return {"identity": identity, "identity_type": "ALIPAY_LOGON_ID", "name": name}
