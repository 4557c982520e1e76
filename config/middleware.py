"""What every request passes: its id, and nothing that costs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.kernel.ids import parse_uuid, public_uuid


class RequestMiddleware:
    """Every answer of every contract carries `X-Request-ID`, the client's own if it sent a valid UUID."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = str(parse_uuid(request.headers.get("X-Request-ID", "")) or public_uuid())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response
