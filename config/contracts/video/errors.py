"""The contract's error table: domain code → HTTP status and text (None: the domain's own message)."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.translation import gettext

from config.kernel.errors import DomainError, InvalidInput

TABLE: dict[str, tuple[int, str | None]] = {
    "not_signed_in": (401, "Could not validate credentials"),
    "token_expired": (401, "Token has expired"),
    "code_wrong": (401, None),
    "password_wrong": (401, None),
    "second_factor_wrong": (401, None),
    "sign_in_unavailable": (503, None),
    "username_taken": (400, None),
    "identity_taken": (400, None),
    "link_invalid": (400, None),
    "deletion_blocked": (400, None),
    "user_not_found": (404, "User not found"),
    "user_banned": (403, "User account is banned"),
    "not_allowed": (403, "Not enough permissions"),
    "not_found": (404, "Not found"),
    "task_not_found": (404, "Task not found"),
    "payment_not_found": (404, "Payment not found"),
    "wrong_method": (405, "Method Not Allowed"),
    "invalid_input": (422, None),
    "request_too_large": (413, "Request body is too large"),
    "too_many_requests": (429, "Too many requests. Try again in {retry_after_s} seconds."),
    "insufficient_credits": (402, "Insufficient credits. Required: {required} credits{note}. Available: {current_balance} credits."),
    "budget_exceeded": (402, None),
    "payment_failed": (400, None),
    "payment_unavailable": (503, None),
    "order_refused": (400, None),
    "notice_refused": (400, None),
    "sandbox_decided": (400, None),
    "product_unknown": (400, None),
    "refund_not_found": (404, "Refund not found"),
    "refund_too_large": (400, None),
    "refund_exceeds_unspent": (400, None),
    "refund_open": (400, None),
    "order_disputed": (400, None),
    "wallet_frozen": (403, None),
    "coupon_invalid": (400, None),
    "amount_not_allowed": (400, None),
    "withdrawable_too_small": (400, None),
    "insufficient_coins": (400, None),
    "withdrawal_blocked": (403, None),
    "withdrawal_not_found": (404, "Withdrawal not found"),
    "decision_refused": (400, None),
    "already_claimed": (400, None),
    "no_active_card": (400, None),
    "card_sold_out": (400, None),
    "engine_unavailable": (503, None),
    "engine_busy": (503, None),
    "model_retired": (503, None),
    "queue_full": (503, None),
    "sensitive_content": (400, None),
    "moderation_unavailable": (503, None),
    "media_invalid": (422, None),
    "media_too_large": (422, None),
    "file_too_large": (422, None),
    "picture_too_large": (422, None),
    "quota_exceeded": (422, None),
    "address_refused": (422, None),
    "address_unreachable": (422, None),
    "answer_too_large": (422, None),
    "task_not_cancellable": (400, None),
    "task_not_retryable": (400, None),
    "conflict": (400, None),
    "idempotency_conflict": (409, None),
    "idempotency_running": (409, None),
    "not_configured": (503, None),
    "price_missing": (503, None),
    "system": (500, "Internal server error"),
    "database": (503, "Service temporarily unavailable"),
    "cache": (503, "Service temporarily unavailable"),
}
FALLBACK_STATUS = 400
"""What a domain error without a row becomes: a plain refusal with the domain's own words."""


class _Params(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """`data` as the JSON body of an answer."""
    return HttpResponse(orjson.dumps(data), status=status, content_type="application/json", headers=headers)


def error_response(error: DomainError) -> HttpResponse:
    """`error` in the contract's words, with the headers its status asks for."""
    status, text = TABLE.get(error.code, (FALLBACK_STATUS, None))
    detail: Any = gettext(text).format_map(_Params(error.params)) if text else gettext(error.message)
    if status == 422:
        detail = _faults(error, detail)
    return json_response({"detail": detail}, status, _headers(error, status))


def _faults(error: DomainError, text: str) -> list[dict[str, Any]]:
    """A 422 names the place of every fault, also where the domain found only one."""
    if isinstance(error, InvalidInput):
        return [{"loc": list(fault.loc), "msg": fault.message, "type": fault.type} for fault in error.errors]
    place = ["body", error.params["field"]] if "field" in error.params else ["body"]
    return [{"loc": place, "msg": text, "type": f"value_error.{error.code}"}]


def _headers(error: DomainError, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "allowed" in error.params:
        headers["Allow"] = ", ".join(error.params["allowed"])
    if "retry_after_s" in error.params or status == 503:
        headers["Retry-After"] = str(error.params.get("retry_after_s", 5))
    return headers
