"""The union envelope `{code, message, data, timestamp, requestId}` and the error table of both documents."""

from __future__ import annotations

import time
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from config.kernel.errors import DomainError, InvalidInput

TABLE: dict[str, tuple[int, str | None]] = {
    "not_signed_in": (401, "未认证"),
    "token_expired": (401, "Token已过期"),
    "password_wrong": (401, "用户名或密码错误"),
    "second_factor_wrong": (401, "动态验证码缺失或错误"),
    "user_not_found": (404, "用户不存在"),
    "user_banned": (403, "账号已被封禁"),
    "not_allowed": (403, "无权限"),
    "not_found": (404, "资源不存在"),
    "wrong_method": (405, "请求方法不支持"),
    "invalid_input": (400, None),
    "username_taken": (400, "用户名已存在"),
    "request_too_large": (413, "请求体过大"),
    "too_many_requests": (429, "请求过于频繁"),
    "idempotency_conflict": (409, None),
    "idempotency_running": (409, None),
    "not_configured": (503, "服务不可用"),
    "sign_in_unavailable": (503, "服务不可用"),
    "system": (500, "服务器内部错误"),
    "database": (503, "服务不可用"),
    "cache": (503, "服务不可用"),
}
FALLBACK_STATUS = 400
"""What a domain error without a row becomes: a plain refusal with the domain's own words."""
WRONG = "请求参数错误"


def envelope(request_id: str, code: int | str, message: str, data: Any) -> dict[str, Any]:
    """`data` in the union envelope; `timestamp` in milliseconds."""
    return {"code": code, "message": message, "data": data, "timestamp": time.time_ns() // 1_000_000, "requestId": request_id}


def enveloped(request: HttpRequest, code: int | str, message: str, data: Any, status: int = 200) -> HttpResponse:
    """The answer with `data` in the union envelope; `requestId` as in `X-Request-ID`."""
    body = envelope(getattr(request, "request_id", ""), code, message, data)
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


def error_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """`error` in the union envelope, with its real HTTP status and the headers that asks for."""
    status, text = TABLE.get(error.code, (FALLBACK_STATUS, None))
    response = enveloped(request, status, _message(error, text), _data(error), status)
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
    if isinstance(error, InvalidInput):
        return {"errors": [{"field": ".".join(str(part) for part in fault.loc[1:]), "message": fault.message} for fault in error.errors]}
    return None
