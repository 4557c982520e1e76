"""The contract's error table: domain code → its own code, HTTP status and text (None: the domain's own message), and what `data` tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.translation import gettext

from config.kernel.errors import DomainError, InvalidInput

TABLE: dict[str, tuple[int, int, str | None]] = {
    "not_signed_in": (1001, 401, "用户未登录"),
    "token_expired": (1002, 401, "Token已过期"),
    "password_wrong": (1001, 401, "用户名或密码错误"),
    "second_factor_wrong": (1001, 401, "动态验证码缺失或错误"),
    "user_not_found": (1003, 404, "用户不存在"),
    "user_banned": (1004, 403, "用户已被封禁"),
    "not_found": (2000, 404, "资源不存在"),
    "task_not_found": (2000, 404, "任务不存在"),
    "product_unknown": (2000, 404, "商品不存在"),
    "withdrawal_not_found": (2000, 404, "提现申请不存在"),
    "refund_not_found": (2000, 404, "退款不存在"),
    "insufficient_credits": (2001, 402, "积分不足"),
    "budget_exceeded": (2001, 402, "此密钥的积分预算已用完"),
    "not_allowed": (2002, 403, "权限不足"),
    "no_active_card": (2002, 403, "没有可用的月卡"),
    "wallet_frozen": (2002, 403, "钱包已冻结：有未结清的欠款或支付争议"),
    "withdrawal_blocked": (2002, 403, "暂不能提现：有未结清的欠款或支付争议"),
    "notice_refused": (2002, 403, "未通过支付平台的签名验证"),
    "already_claimed": (2003, 400, "今日已领取，明天再来"),
    "insufficient_coins": (2005, 400, "可提现余额不足"),
    "withdrawable_too_small": (2005, 400, "可提现余额不足"),
    "amount_not_allowed": (2006, 400, "提现金额不符合要求"),
    "invalid_input": (2400, 400, "请求参数错误"),
    "order_refused": (2400, 400, "订单金额不符合要求"),
    "coupon_invalid": (2400, 400, "优惠券无效"),
    "code_wrong": (2400, 400, "验证码错误或已过期"),
    "link_invalid": (2400, 400, "链接已失效"),
    "deletion_blocked": (2400, 400, "账号暂不能注销"),
    "sensitive_content": (2400, 400, "内容包含敏感信息"),
    "media_invalid": (2400, 400, "文件格式不支持"),
    "media_too_large": (2400, 400, "图片过大：每边最多 8192 像素，总计最多 5000 万像素"),
    "file_too_large": (2400, 400, "文件过大"),
    "picture_too_large": (2400, 400, "图片过大：每边最多 8192 像素，总计最多 5000 万像素"),
    "quota_exceeded": (2400, 400, "存储空间已满"),
    "address_refused": (2400, 400, "地址不被允许"),
    "address_unreachable": (2400, 400, "地址无法访问"),
    "answer_too_large": (2400, 400, "文件过大"),
    "task_not_cancellable": (2400, 400, "任务不能取消"),
    "task_not_retryable": (2400, 400, "任务不能重试"),
    "sandbox_decided": (2400, 400, "支付单已结束"),
    "card_sold_out": (2409, 409, "月卡已售罄"),
    "refund_too_large": (2400, 400, "退款金额超过可退金额"),
    "refund_exceeds_unspent": (2400, 400, "退款超过未使用的积分"),
    "refund_open": (2409, 409, "退款正在处理"),
    "order_disputed": (2409, 409, "该支付单存在争议"),
    "wrong_method": (2405, 405, "请求方法不支持"),
    "conflict": (2409, 409, "状态冲突"),
    "username_taken": (2409, 409, "用户名已存在"),
    "identity_taken": (2409, 409, "该账号已被绑定"),
    "decision_refused": (2409, 409, "状态冲突"),
    "idempotency_conflict": (2409, 409, "此 Idempotency-Key 已用于其他请求"),
    "idempotency_running": (2409, 409, "相同请求正在处理"),
    "request_too_large": (2400, 413, "请求体过大"),
    "too_many_requests": (2429, 429, "请求过于频繁"),
    "payment_failed": (3001, 400, "支付失败"),
    "payment_not_found": (3003, 404, "支付单不存在"),
    "payment_unavailable": (4002, 503, "支付渠道暂不可用"),
    "not_configured": (4002, 503, "该服务未开通"),
    "sign_in_unavailable": (4002, 503, "第三方登录暂不可用"),
    "engine_unavailable": (4002, 503, "供应商服务异常"),
    "engine_busy": (4002, 503, "供应商服务异常"),
    "model_retired": (4002, 503, "模型已下线"),
    "queue_full": (4002, 503, "排队人数过多"),
    "moderation_unavailable": (4002, 503, "内容审核服务暂不可用"),
    "price_missing": (4002, 503, "该服务暂不出售"),
    "system": (5001, 500, "系统错误"),
    "database": (5002, 503, "数据库错误"),
    "cache": (5003, 503, "缓存服务异常"),
}
FALLBACK = (2400, 400, None)
"""What a domain error without a row becomes: a plain refusal with the domain's own words."""
CODES = sorted({code for code, _, _ in TABLE.values()})


def cny(cents: int) -> float:
    """CNY cents, or hundredths of coins, as the JSON number that the document shows."""
    return cents / 100


SHOWN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "insufficient_credits": lambda params: {"current_balance": params.get("current_balance"), "required": params.get("required")},
    "withdrawable_too_small": lambda params: {"available": cny(params["available_cents"]), "required": cny(params["required_cents"])},
    "amount_not_allowed": lambda params: {"least": cny(params["least_cents"]), "most": cny(params["most_cents"])},
    "already_claimed": lambda params: {"next_claim_at": params["next_claim_at"]},
}
"""Domain code → what `data` tells about it."""


def json_response(data: Any, status: int = 200) -> HttpResponse:
    """`data` as the JSON body of an answer."""
    return HttpResponse(orjson.dumps(data), status=status, content_type="application/json")


def error_response(error: DomainError) -> HttpResponse:
    """`error` in the envelope with its real HTTP status and the headers that asks for."""
    code, status, text = TABLE.get(error.code, FALLBACK)
    message = text or gettext(error.message)
    response = json_response({"code": code, "message": message, "data": _data(error, code, message)}, status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if "allowed" in error.params:
        response["Allow"] = ", ".join(error.params["allowed"])
    if "retry_after_s" in error.params or status == 503:
        response["Retry-After"] = str(error.params.get("retry_after_s", 5))
    return response


def _data(error: DomainError, code: int, message: str) -> dict[str, Any] | None:
    if error.code in SHOWN:
        return SHOWN[error.code](error.params)
    if isinstance(error, InvalidInput):
        faults = [(".".join(str(part) for part in fault.loc[1:]), fault.message) for fault in error.errors]
    elif code == 2400:
        faults = [(str(error.params.get("field", "")), message)]
    else:
        return None
    return {"errors": [{"field": field, "message": words} for field, words in faults]}
