"""The base view of the contract: the shared proof of who asks, generous limits, pages by number, large bodies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from config.contracts.idempotency import answered_once
from config.contracts.shared_v1.views import SharedView
from config.contracts.stargraph.errors import error_response
from config.kernel.errors import DomainError, FieldError, InvalidInput, NotAllowed, RequestTooLarge
from config.kernel.principal import Principal

PAGE_SIZE, PAGE_SIZE_MOST, PAGE_MOST = 20, 100, 1_000_000
READS_A_MINUTE, WRITES_A_MINUTE = 1200, 600
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """The page a client asked for: `page` from 1, `sort` one of the list's names."""

    page: int
    page_size: int
    sort: str
    ascending: bool


class StargraphView(SharedView):
    """One endpoint. Handlers take Django's own request and return `self.success(message, data)`."""

    operators_only: ClassVar[bool] = False
    """An operator's session, outside demo mode one that showed a second factor (contracts/README "Operators' endpoints")."""

    def _prove(self, request: HttpRequest) -> Principal:
        principal = super()._prove(request)
        if self.operators_only and not (principal.is_operator and (settings.DEMO or principal.second_factor)):
            raise NotAllowed()
        name, most = ("read", READS_A_MINUTE) if request.method == "GET" else ("write", WRITES_A_MINUTE)
        self.limited(f"stargraph-{name}", str(principal.user_id), most, 60)
        return principal

    def failure(self, error: DomainError) -> HttpResponse:
        """The answer of a refusal in the contract's codes."""
        return error_response(self.request, error)

    def idempotent(self, work: Callable[[], HttpResponse]) -> HttpResponse:
        """`work`'s answer, or the first answer again under the same `Idempotency-Key`."""
        return answered_once(self.request, self.principal.user_id, work)

    def chosen(self, name: str, choices: Sequence[str], default: str = "") -> str:
        """The query's `name`, one of `choices`; `default` if it is missing or empty. Raises InvalidInput."""
        text = self.request.GET.get(name) or default
        if text and text not in choices:
            raise InvalidInput(FieldError(("query", name), f"“{text[:40]}” 不是合法选项：{', '.join(choices)}"))
        return text

    def page_asked(self, sorts: Sequence[str] = ("createTime",)) -> Asked:
        """`page`, `pageSize` (1–100), `sort` (one of `sorts`, the first by default) and `order` of the query. Raises InvalidInput."""
        sort, order = self.chosen("sort", sorts, sorts[0]), self.chosen("order", ("asc", "desc"), "desc")
        return Asked(self._whole("page", 1, PAGE_MOST), self._whole("pageSize", PAGE_SIZE, PAGE_SIZE_MOST), sort, ascending=order == "asc")

    def page(self, asked: Asked, content: list[dict[str, Any]], total: int) -> HttpResponse:
        """One page of a list in the document's words."""
        data = {
            "content": content,
            "totalElements": total,
            "totalPages": math.ceil(total / asked.page_size),
            "page": asked.page,
            "pageSize": asked.page_size,
        }
        return self.success("success", data)

    def _whole(self, name: str, default: int, most: int) -> int:
        text = self.request.GET.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
            raise InvalidInput(FieldError(("query", name), f"应为 1 到 {most} 的整数"))
        return int(text)


def body_take(request: HttpRequest, limit_bytes: int) -> None:
    """The body of up to `limit_bytes` is read, whatever the usual limit is. Raises RequestTooLarge at the first byte beyond it."""
    length = request.headers.get("Content-Length") or ""
    if length.isascii() and length.isdigit() and int(length[:20]) > limit_bytes:
        raise RequestTooLarge()
    parts, size = [], 0
    try:
        while part := request.read(CHUNK_BYTES):
            size += len(part)
            if size > limit_bytes:
                raise RequestTooLarge()
            parts.append(part)
    except (UnreadablePostError, OSError) as error:
        raise InvalidInput(FieldError(("body",), "无法读取")) from error
    request._body = b"".join(parts)
