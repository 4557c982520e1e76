"""The ledger's kinds in the document's words."""

from __future__ import annotations

from credits.api.reference import Subjects
from credits.selectors.wallet import LedgerRow
from credits.states import Kind

WORDS: dict[str, tuple[str, str]] = {
    Kind.RECHARGE: ("recharge", "充值"),
    Kind.GIFT: ("gift", "赠送积分"),
    Kind.SPEND: ("gen_spend", "生成作品"),
    Kind.REFUND: ("refund", "退还积分"),
    Kind.HOLD: ("hold", "预扣积分"),
    Kind.RELEASE: ("release", "退还预扣积分"),
    Kind.TIP: ("tip", "打赏"),
    Kind.UNLOCK: ("prompt_unlock", "解锁提示词"),
    Kind.REMIX: ("remix_fee", "二创费用"),
    Kind.COMMISSION: ("commission", "推广佣金"),
    Kind.CLAIM: ("daily_claim", "每日领取"),
    Kind.ADJUST: ("adjust", "调整"),
    Kind.WITHDRAW: ("withdraw", "提现"),
}
"""Ledger kind → type and description."""
INCOME: dict[str, tuple[str, str]] = {
    Kind.TIP: ("tip_income", "打赏收入"),
    Kind.UNLOCK: ("prompt_income", "提示词收入"),
    Kind.REMIX: ("remix_income", "二创收入"),
}
"""The same at the side that is paid."""
TYPES = [word for word, _ in (*WORDS.values(), *INCOME.values())]
MONEY = {"refund": "支付退款", "dispute": "支付争议"}
"""What an adjustment is about → its description."""
MADE = {"writing": "生成文案", "ppt": "生成PPT"} | dict.fromkeys(("text2img", "img2img", "upscale", "pose", "image"), "生成图片")
VIDEO = "生成视频"


def ledger_type(row: LedgerRow) -> str:
    """The document's `type` of a transaction."""
    return _words(row)[0]


def income(kind: str) -> str:
    """What an income of this kind is called."""
    return INCOME.get(kind, WORDS[kind])[1]


def description(row: LedgerRow, subjects: Subjects) -> str:
    """What the transaction was for, in a few words."""
    order, task_kind = subjects.order(row), subjects.task_kind(row)
    if order is not None and row.kind == Kind.RECHARGE:
        return f"充值{yuan(order.amount_cents)}元" if order.currency == "CNY" else f"充值{yuan(order.amount_cents)} {order.currency}"
    if order is not None:
        return f"购买：{order.title}"
    if task_kind and row.kind == Kind.SPEND:
        return MADE.get(task_kind, VIDEO)
    return MONEY.get(row.reference.partition(":")[0], _words(row)[1])


def yuan(cents: int) -> str:
    """30, or 9.90: whole units without decimals."""
    return str(cents // 100) if cents % 100 == 0 else f"{cents / 100:.2f}"


def _words(row: LedgerRow) -> tuple[str, str]:
    return INCOME.get(row.kind, WORDS[row.kind]) if row.paid_by_other else WORDS[row.kind]
