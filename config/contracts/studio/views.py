"""The base view of the contract: the shared proof of who asks, the document's rate limits, pages by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from config.contracts.idempotency import answered_once
from config.contracts.shared_v1.views import SharedView
from config.contracts.studio.errors import enveloped, error_response
from config.kernel.errors import DomainError, FieldError, InvalidInput
from config.kernel.principal import Principal

PAGE_SIZE, PAGE_SIZE_MOST, PAGE_MOST = 20, 100, 1_000_000
QUERIES_A_MINUTE, OTHERS_A_MINUTE = 100, 60


class StudioView(SharedView):
    """One endpoint. Handlers take Django's own request and return `self.success(message, data)`."""

    def _prove(self, request: HttpRequest) -> Principal:
        principal = super()._prove(request)
        name, most = ("query", QUERIES_A_MINUTE) if request.method == "GET" else ("other", OTHERS_A_MINUTE)
        self.limited(name, str(principal.user_id), most, 60)
        return principal

    def success(self, message: str, data: Any = None) -> HttpResponse:
        """The answer of a success in the contract's envelope."""
        return enveloped(200, message, data)

    def failure(self, error: DomainError) -> HttpResponse:
        """The answer of a refusal in the contract's envelope."""
        return error_response(error)

    def idempotent(self, work: Callable[[], HttpResponse]) -> HttpResponse:
        """`work`'s answer, or the first answer again under the same `Idempotency-Key`."""
        return answered_once(self.request, self.principal.user_id, work)

    def page_asked(self) -> tuple[int, int]:
        """`page` (1…) and `page_size` (1–100) of the query. Raises InvalidInput."""
        return self._whole("page", 1, PAGE_MOST), self._whole("page_size", PAGE_SIZE, PAGE_SIZE_MOST)

    def _whole(self, name: str, default: int, most: int) -> int:
        text = self.request.GET.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
            raise InvalidInput(FieldError(("query", name), f"应为 1 到 {most} 的整数"))
        return int(text)
