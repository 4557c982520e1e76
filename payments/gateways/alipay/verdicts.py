"""What Alipay's codes mean. One that stands nowhere is not known to be final, so it is `Unknown`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.utils.translation import gettext, gettext_noop

from payments.gateways.alipay.wire import Refused
from payments.gateways.base import Rejected, Temporary, Unknown

log = logging.getLogger(__name__)
OF_OUR_ACCOUNT = frozenset({"20001", "40001", "40002", "40006"})
"""Our token, our parameters, our signature, our permissions: nothing happened there, and somebody here must look."""
TOO_OFTEN = "40005"
NO_TRADE = "ACQ.TRADE_NOT_EXIST"
NOT_TO_BE_CLOSED = frozenset({"ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"})
NO_BILL = "isp.bill_not_exist"
NO_TRANSFER = "ORDER_NOT_EXIST"

REFUND_FINAL: Mapping[str, str] = {
    "ACQ.INVALID_PARAMETER": gettext_noop("Alipay does not accept this refund."),
    "ACQ.TRADE_NOT_EXIST": gettext_noop("Alipay knows no such payment."),
    "ACQ.TRADE_HAS_FINISHED": gettext_noop("Alipay takes no refund of this payment any more."),
    "ACQ.TRADE_STATUS_ERROR": gettext_noop("Alipay takes no refund of this payment in its present state."),
    "ACQ.TRADE_NOT_ALLOW_REFUND": gettext_noop("Alipay takes no refund of this payment."),
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": gettext_noop("The refund is more than what is left of the payment."),
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": gettext_noop("The refund is more than what is left of the payment."),
}
REFUND_LATER = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REASON_TRADE_BEEN_FREEZEN"})
"""Our balance is too low, or the payment is frozen for now: nothing happened, repeat under the same number."""

NO_PAYEE = gettext_noop("There is no such Alipay account.")
NO_NAME = gettext_noop("The name does not belong to this Alipay account.")
CANNOT_RECEIVE = gettext_noop("This Alipay account cannot receive money.")
OVER_LIMIT = gettext_noop("The amount is over a limit of Alipay's.")
PAYOUT_FINAL: Mapping[str, str] = {
    "PAYEE_NOT_EXIST": NO_PAYEE,
    "PAYEE_USER_INFO_ERROR": NO_NAME,
    "PAYEE_ACC_OCUPIED": gettext_noop("This phone number belongs to several Alipay accounts: an e-mail address is needed."),
    "PAYEE_ACCOUNT_STATUS_ERROR": CANNOT_RECEIVE,
    "PERM_AML_NOT_REALNAME_REV": CANNOT_RECEIVE,
    "PERMIT_NON_BANK_LIMIT_PAYEE": CANNOT_RECEIVE,
    "NO_ACCOUNT_RECEIVE_PERMISSION": CANNOT_RECEIVE,
    "EXCEED_LIMIT_SM_AMOUNT": OVER_LIMIT,
    "EXCEED_LIMIT_DM_AMOUNT": OVER_LIMIT,
    "EXCEED_LIMIT_MM_AMOUNT": OVER_LIMIT,
    "EXCEED_LIMIT_PERSONAL_SM_AMOUNT": OVER_LIMIT,
    "EXCEED_LIMIT_UNRN_DM_AMOUNT": OVER_LIMIT,
    "EXCEED_LIMIT_DC_RECEIVED": OVER_LIMIT,
    "REMARK_HAS_SENSITIVE_WORD": gettext_noop("Alipay does not accept the transfer's text."),
    "MEMO_REQUIRED_IN_TRANSFER_ERROR": gettext_noop("Alipay wants a text with a transfer of this size."),
    "SECURITY_CHECK_FAILED": gettext_noop("Alipay stopped the transfer for its own security."),
    "PAYMENT_TIME_EXPIRE": gettext_noop("The transfer came too late at Alipay: send it anew."),
}
PAYOUT_LATER = frozenset(
    {
        "PAYER_BALANCE_NOT_ENOUGH",
        "BALANCE_IS_NOT_ENOUGH",
        "PAYER_STATUS_ERROR",
        "PAYCARD_UNABLE_PAYMENT",
        "PRODUCT_NOT_SIGN",
        "INVALID_PAYER_ACCOUNT",
        "RESOURCE_LIMIT_EXCEED",
    }
)
"""Trouble of our own account: nothing happened, repeat under the same number once it is mended."""


def verdict(refused: Refused, final: Mapping[str, str], later: frozenset[str] = frozenset()) -> Rejected | Temporary:
    """What `refused` means to who asked: final by the sub code, later by our own account's trouble, otherwise nobody knows."""
    if refused.sub_code in final:
        return Rejected(gettext(final[refused.sub_code]))
    if refused.sub_code in later or refused.code in OF_OUR_ACCOUNT:
        log.error("alipay: trouble of our own account: %.20r %.80r", refused.code, refused.sub_code)
        return Temporary(refused.sub_code or refused.code)
    return Temporary(refused.sub_code or refused.code) if refused.code == TOO_OFTEN else Unknown(refused.sub_code or refused.code)


def payout_failure(sub_code: str) -> str:
    """Why a transfer failed, for operators."""
    return gettext(PAYOUT_FINAL.get(sub_code, gettext_noop("Alipay did not carry out the transfer.")))
