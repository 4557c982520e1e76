"""The ledger's kinds in the document's words."""

from __future__ import annotations

from credits.api.reference import Subjects
from credits.selectors.wallet import LedgerRow
from credits.states import Kind

WORDS: dict[str, tuple[str, str]] = {
    Kind.RECHARGE: ("recharge", "充值"),
    Kind.GIFT: ("credit_gift", "积分赠送"),
    Kind.SPEND: ("consume", "生成内容"),
    Kind.REFUND: ("refund", "积分退还"),
    Kind.HOLD: ("freeze", "积分冻结"),
    Kind.RELEASE: ("unfreeze", "积分解冻"),
    Kind.TIP: ("tip", "打赏"),
    Kind.UNLOCK: ("unlock", "解锁提示词"),
    Kind.REMIX: ("remix", "二创费用"),
    Kind.COMMISSION: ("commission", "推广佣金"),
    Kind.CLAIM: ("claim", "每日领取"),
    Kind.ADJUST: ("adjust", "调整"),
    Kind.WITHDRAW: ("withdraw", "提现"),
}
"""Ledger kind → type and description."""
TYPES = [word for word, _ in WORDS.values()]
MONEY = {"refund": "支付退款", "dispute": "支付争议"}
"""What an adjustment is about → its description."""
MADE = {"writing": "生成文案", "ppt": "生成PPT"} | dict.fromkeys(("text2img", "img2img", "upscale", "pose", "image"), "生成图片")
VIDEO = "生成视频"


def description(row: LedgerRow, subjects: Subjects) -> str:
    """What the transaction was for, in a few words."""
    order, task_kind = subjects.order(row), subjects.task_kind(row)
    if order is not None and row.kind == Kind.RECHARGE:
        return f"充值{yuan(order.amount_cents)}元" if order.currency == "CNY" else f"充值{yuan(order.amount_cents)} {order.currency}"
    if order is not None:
        return f"购买：{order.title}"
    if task_kind and row.kind == Kind.SPEND:
        return MADE.get(task_kind, VIDEO)
    return MONEY.get(row.reference.partition(":")[0], WORDS[row.kind][1])


def yuan(cents: int) -> str:
    """10, or 9.90: whole units without decimals."""
    return str(cents // 100) if cents % 100 == 0 else f"{cents / 100:.2f}"
