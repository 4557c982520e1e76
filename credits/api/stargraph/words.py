"""The ledger's kinds in the document's words."""

from __future__ import annotations

from credits.api.reference import Subjects
from credits.selectors.wallet import LedgerRow
from credits.states import Kind

WORDS: dict[str, tuple[str, str]] = {
    Kind.SPEND: ("DEDUCT", "消费积分"),
    Kind.REFUND: ("REFUND", "退还积分"),
    Kind.RECHARGE: ("RECHARGE", "充值"),
    Kind.GIFT: ("GIFT", "赠送积分"),
    Kind.HOLD: ("FREEZE", "冻结积分"),
    Kind.RELEASE: ("UNFREEZE", "解冻积分"),
    Kind.TIP: ("TIP", "打赏"),
    Kind.UNLOCK: ("UNLOCK", "解锁提示词"),
    Kind.REMIX: ("REMIX", "二创费用"),
    Kind.COMMISSION: ("COMMISSION", "推广佣金"),
    Kind.CLAIM: ("CLAIM", "每日领取"),
    Kind.ADJUST: ("ADJUST", "调整"),
    Kind.WITHDRAW: ("WITHDRAW", "提现"),
}
"""Ledger kind → type and reason."""
TYPES = [word for word, _ in WORDS.values()]
MONEY = {"refund": "支付退款", "dispute": "支付争议"}
"""What an adjustment is about → its reason."""
MADE = {
    "text2img": "文生图生成",
    "img2img": "图生图生成",
    "upscale": "画质提升",
    "pose": "姿势控制生成",
    "text2video": "文生视频生成",
    "text-to-video": "文生视频生成",
    "img2video": "图生视频生成",
    "image-to-video": "图生视频生成",
    "animate-move": "动作迁移生成",
    "animate-mix": "人物替换生成",
}
"""Kind of a task → what paying for it is called."""
ENDED = {Kind.REFUND: "退款", Kind.HOLD: "冻结", Kind.RELEASE: "解冻"}


def kinds_of(type: str) -> list[str]:
    """The ledger's kinds behind a type; all for none."""
    return [kind for kind, (word, _) in WORDS.items() if not type or word == type]


def reason(row: LedgerRow, subjects: Subjects) -> str:
    """What the transaction was for, in a few words."""
    order, task = subjects.order(row), MADE.get(subjects.task_kind(row))
    if order is not None:
        return f"充值：{order.title}" if row.kind == Kind.RECHARGE else f"购买：{order.title}"
    if task is not None:
        return f"{task}{ENDED.get(Kind(row.kind), '')}"
    return MONEY.get(row.reference.partition(":")[0], WORDS[row.kind][1])
