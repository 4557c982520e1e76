"""When WeChat Pay says no: the code decides, and people read words of ours."""

from __future__ import annotations

from django.utils.translation import gettext as _

NOTHING_THERE = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "NOT_FOUND", "NO_STATEMENT_EXIST"})
"""What a question about something unknown is answered with; the last: a day on which nothing moved."""


class Refused(Exception):
    """WeChat Pay said no, with a code of its own. An unsigned no (`is_proven` False) is not enough to say that nothing is there."""

    def __init__(self, code: str, *, is_proven: bool) -> None:
        super().__init__(code)
        self.code, self.is_proven = code, is_proven


def refusal_text(code: str) -> str:
    """What a user may read about a refusal."""
    match code:
        case "NOT_ENOUGH":
            return _("The merchant's balance at WeChat Pay does not suffice.")
        case "USER_ACCOUNT_ABNORMAL" | "OPENID_INVALID" | "ACCOUNT_FROZEN":
            return _("The WeChat account cannot be used for this.")
        case "ORDER_CLOSED" | "ORDERCLOSED" | "OUT_TRADE_NO_USED":
            return _("WeChat Pay has closed this order: place a new one.")
        case _:
            return _("WeChat Pay did not accept this.")
