"""Our requests in WeChat Pay's fields: the same request gives the same fields, for a repeat must be a replay."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from config.kernel import clock
from payments.gateways.base import CheckoutRequest, PayoutRequest, RefundRequest, Rejected
from payments.gateways.wechat.config import WechatConfig

METHODS = frozenset({"native", "jsapi", "h5", "app"})
DESCRIPTION_BYTES, REASON_BYTES = 127, 80
REMARK_LETTERS = 32
NAME_FROM_CENTS, NAME_NEEDED_FROM_CENTS = 30, 200_000
"""A transfer names its payee from ¥0.30 if it likes, and must from ¥2,000."""
SCENES = {"1000": ("活动名称", "奖励说明"), "1005": ("岗位类型", "报酬说明")}
"""What WeChat Pay wants to be told in a scene: marketing (activity, reward), commission (position, reason)."""


def order_fields(request: CheckoutRequest) -> dict[str, Any]:
    """A new order. Raises Rejected for what this channel cannot sell: other currencies, or a payer who is not named."""
    if request.method not in METHODS or request.currency != "CNY" or request.amount_cents <= 0:
        raise Rejected(_("WeChat Pay takes this payment in yuan only, by QR code, in WeChat, in a browser or in an app."))
    return {
        "description": plain(request.title, DESCRIPTION_BYTES) or request.order_uuid.hex,
        "out_trade_no": request.order_uuid.hex,
        "amount": {"total": request.amount_cents, "currency": "CNY"},
        "time_expire": request.expires_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
        "attach": str(request.order_uuid),
        **_payer(request),
    }


def _payer(request: CheckoutRequest) -> dict[str, Any]:
    if request.method == "jsapi":
        if not request.payer_id:
            raise Rejected(_("Payment inside WeChat needs the payer's WeChat account."))
        return {"payer": {"openid": request.payer_id}}
    if request.method == "h5" and not request.payer_address:
        raise Rejected(_("Payment in a browser needs the payer's network address."))
    scene: dict[str, Any] = {"payer_client_ip": request.payer_address} if request.payer_address else {}
    if request.method == "h5":
        scene["h5_info"] = {"type": "Wap"}
    return {"scene_info": scene} if scene else {}


def refund_fields(request: RefundRequest) -> dict[str, Any]:
    """A refund, by our own numbers only: they are known even where an answer was lost."""
    return {
        "out_refund_no": request.refund_uuid.hex,
        "out_trade_no": request.order_uuid.hex,
        "amount": {"refund": request.amount_cents, "total": request.total_cents, "currency": request.currency},
        "reason": plain(request.reason, REASON_BYTES),
    }


def transfer_fields(config: WechatConfig, request: PayoutRequest) -> dict[str, Any]:
    """A transfer to a WeChat user. Raises Rejected when the payee's openid is missing, or from ¥2,000 the name."""
    openid, name = request.account.get("openid", ""), request.account.get("name", "")
    if not openid:
        raise Rejected(_("A transfer needs the payee's WeChat account (openid)."))
    if request.amount_cents >= NAME_NEEDED_FROM_CENTS and not name:
        raise Rejected(_("A transfer of 2,000 yuan or more needs the payee's real name."))
    remark = plain(request.title, REMARK_LETTERS * 4)[:REMARK_LETTERS] or request.payout_uuid.hex
    return {
        "out_bill_no": request.payout_uuid.hex,
        "transfer_scene_id": config.transfer_scene_id,
        "openid": openid,
        "transfer_amount": request.amount_cents,
        "transfer_remark": remark,
        "user_name": name if request.amount_cents >= NAME_FROM_CENTS else None,
        "transfer_scene_report_infos": _reports(config.transfer_scene_id, remark),
        "notify_url": config.notify_url,
    }


def _reports(scene: str, remark: str) -> list[dict[str, str]]:
    if scene not in SCENES:
        return []
    what, why = SCENES[scene]
    return [{"info_type": what, "info_content": _("Creator")}, {"info_type": why, "info_content": remark}]


def plain(text: str, bytes_most: int) -> str:
    """`text` without control characters and backquotes (they part the values of a bill), cut between two letters to so many bytes."""
    cleaned = "".join(letter for letter in text if letter.isprintable() and letter != "`").strip()
    return cleaned.encode()[:bytes_most].decode(errors="ignore").strip()
