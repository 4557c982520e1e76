"""The contract's error table: domain code → the body's code, HTTP status and text (None: the domain's own message)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from config.contracts.shared_v1.envelope import enveloped
from config.kernel.errors import DomainError, InvalidInput

TABLE: dict[str, tuple[int | str, int, str | None]] = {
    "not_signed_in": (401, 401, "未认证"),
    "token_expired": (401, 401, "Token已过期"),
    "password_wrong": (401, 401, "用户名或密码错误"),
    "second_factor_wrong": (401, 401, "动态验证码缺失或错误"),
    "code_wrong": (401, 401, "验证码错误或已过期"),
    "user_not_found": (404, 404, "用户不存在"),
    "user_banned": (403, 403, "账号已被封禁"),
    "not_allowed": (403, 403, "无权限"),
    "wallet_frozen": (403, 403, "钱包已冻结：有未结清的欠款或支付争议"),
    "withdrawal_blocked": (403, 403, "暂不能提现：有未结清的欠款或支付争议"),
    "no_active_card": (403, 403, "没有可用的月卡"),
    "notice_refused": (403, 403, "未通过支付平台的签名验证"),
    "not_found": (404, 404, "资源不存在"),
    "task_not_found": (404, 404, "任务不存在"),
    "product_unknown": (404, 404, "商品不存在"),
    "withdrawal_not_found": (404, 404, "提现申请不存在"),
    "refund_not_found": (404, 404, "退款不存在"),
    "wrong_method": (405, 405, "请求方法不支持"),
    "invalid_input": (400, 400, None),
    "order_refused": (400, 400, "充值金额须为 1.00 至 50000.00 元之间 0.10 元的整数倍"),
    "amount_not_allowed": (400, 400, "提现金额不符合要求"),
    "withdrawable_too_small": (400, 400, "可提现余额不足"),
    "insufficient_coins": (400, 400, "可提现余额不足"),
    "already_claimed": (400, 400, "今日已领取"),
    "decision_refused": (400, 400, "状态冲突"),
    "card_sold_out": (400, 400, "月卡已售罄"),
    "refund_too_large": (400, 400, "退款金额超过可退金额"),
    "refund_exceeds_unspent": (400, 400, "退款超过未使用的积分"),
    "refund_open": (400, 400, "退款正在处理"),
    "order_disputed": (400, 400, "该订单存在争议"),
    "sandbox_decided": (400, 400, "支付单已结束"),
    "username_taken": (400, 400, "用户名已存在"),
    "identity_taken": (400, 400, "该账号已被绑定"),
    "link_invalid": (400, 400, "链接已失效"),
    "deletion_blocked": (400, 400, "账号暂不能注销"),
    "media_invalid": ("E004", 400, "图片格式不支持"),
    "media_too_large": ("E005", 400, "图片过大：每边最多 8192 像素，总计最多 5000 万像素"),
    "file_too_large": ("E005", 400, "文件大小超限"),
    "picture_too_large": ("E005", 400, "图片过大：每边最多 8192 像素，总计最多 5000 万像素"),
    "quota_exceeded": (400, 400, "存储空间已满"),
    "address_refused": (400, 400, "地址不被允许"),
    "address_unreachable": (400, 400, "地址无法访问"),
    "answer_too_large": ("E005", 400, "文件大小超限"),
    "task_not_cancellable": (400, 400, "任务不能取消"),
    "task_not_retryable": (400, 400, "任务不能重试"),
    "conflict": (400, 400, "状态冲突"),
    "idempotency_conflict": (409, 409, "此 Idempotency-Key 已用于其他请求"),
    "idempotency_running": (409, 409, "相同请求正在处理"),
    "request_too_large": (413, 413, "请求体过大"),
    "too_many_requests": (429, 429, "请求过于频繁"),
    "insufficient_credits": ("E002", 400, "余额不足"),
    "budget_exceeded": ("E002", 400, "此密钥的积分预算已用完"),
    "coupon_invalid": (400, 400, "优惠券无效"),
    "payment_not_found": (404, 404, "订单不存在"),
    "payment_failed": (400, 400, "支付失败"),
    "engine_unavailable": ("E001", 503, "模型加载失败：暂无可用引擎"),
    "engine_busy": ("E007", 503, "GPU资源不足"),
    "model_retired": ("E001", 503, "模型加载失败：没有此模型"),
    "sensitive_content": ("E006", 400, "敏感内容检测"),
    "moderation_unavailable": (503, 503, "内容审核服务暂不可用"),
    "queue_full": ("E003", 503, "任务队列已满"),
    "payment_unavailable": (503, 503, "支付渠道暂不可用"),
    "not_configured": (503, 503, "该服务未开通"),
    "sign_in_unavailable": (503, 503, "服务不可用"),
    "price_missing": (503, 503, "该服务暂不出售"),
    "system": (500, 500, "服务器内部错误"),
    "database": (503, 503, "服务不可用"),
    "cache": (503, 503, "服务不可用"),
}
FALLBACK: tuple[int | str, int, str | None] = (400, 400, None)
"""What a domain error without a row becomes: a plain refusal with the domain's own words."""
CODES = sorted({code for code, _, _ in TABLE.values()}, key=str)
WRONG = "请求参数错误"


def code_and_words(error: DomainError) -> tuple[int | str, str]:
    """The document's code of `error`, and what is said with it."""
    code, _, text = TABLE.get(error.code, FALLBACK)
    return code, _message(error, text)


def error_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """`error` in the envelope with its real HTTP status and the headers that asks for."""
    status = TABLE.get(error.code, FALLBACK)[1]
    response = enveloped(request, *code_and_words(error), _data(error), status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if "allowed" in error.params:
        response["Allow"] = ", ".join(error.params["allowed"])
    if "retry_after_s" in error.params or status == 503:
        response["Retry-After"] = str(error.params.get("retry_after_s", 5))
    return response


def _message(error: DomainError, text: str | None) -> str:
    if isinstance(error, InvalidInput):
        faults = "; ".join(f"{fault.loc[-1]}: {fault.message}" for fault in error.errors)
        return f"{WRONG}: {faults}" if faults else WRONG
    return text or gettext(error.message)


def _data(error: DomainError) -> Any:
    if not isinstance(error, InvalidInput):
        return None
    return {"errors": [{"field": ".".join(str(part) for part in fault.loc[1:]), "message": fault.message} for fault in error.errors]}
