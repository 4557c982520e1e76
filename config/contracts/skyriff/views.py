"""The base view of the contract: who asks, what was sent, pages by cursor, and every error in the envelope."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

from config.contracts import ports
from config.contracts.body import body_of
from config.contracts.idempotency import answered_once
from config.contracts.skyriff.errors import error_response, json_response
from config.kernel import clock, limits
from config.kernel.cursor import cursor_of, position_of
from config.kernel.errors import DomainError, FieldError, InvalidInput, MethodNotAllowed, NotAllowed, NotSignedIn, SystemFailure
from config.kernel.principal import Principal
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
METHODS = ("get", "post", "put", "patch", "delete")
LIMIT, LIMIT_MOST = 20, 100
READS_A_MINUTE, WRITES_A_MINUTE = 600, 120
Row = TypeVar("Row")


class SkyriffView(APIView):
    """One endpoint. Handlers take Django's own request and return `self.success(data)`.

    DRF gives the serializers and the schema; its request wrapping and negotiation are left out.
    """

    signed_in: ClassVar[bool] = True
    scope: ClassVar[str] = ""
    session_only: ClassVar[bool] = False
    """Whether a personal key may not come here, whatever its scopes."""
    principal: Principal

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.request = request  # type: ignore[assignment]
        self.args, self.kwargs = args, kwargs
        with override("zh-hans"):
            try:
                with domain_errors():
                    return self._answer(request, *args, **kwargs)
            except DomainError as error:
                return error_response(error)
            except Exception:
                logger.exception("an unforeseen exception in %s", type(self).__name__)
                return error_response(SystemFailure())

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = (request.method or "").lower()
        handler = getattr(self, method, None) if method in METHODS else None
        if handler is None:
            raise MethodNotAllowed(allowed=[name.upper() for name in METHODS if hasattr(self, name)])
        if self.signed_in:
            self.principal = self._prove(request)
            self.limited(str(self.principal.user_id))
        response: HttpResponseBase = handler(request, *args, **kwargs)
        return response

    def _prove(self, request: HttpRequest) -> Principal:
        principal = ports.principal_of()(access_token=bearer_of(request), api_key=None, at=clock.real_now())
        if principal.scopes is not None and (self.session_only or self.scope not in principal.scopes):
            raise NotAllowed()
        return principal

    def limited(self, subject: str) -> None:
        """One more request of `subject` is counted. Raises TooManyRequests."""
        name, most = ("read", READS_A_MINUTE) if self.request.method == "GET" else ("write", WRITES_A_MINUTE)
        limits.take(f"skyriff-{name}", subject, most, 60)

    def success(self, data: Any, message: str = "success") -> HttpResponse:
        """The answer of a success in the envelope."""
        return json_response({"code": 0, "message": message, "data": data})

    def idempotent(self, work: Callable[[], HttpResponse]) -> HttpResponse:
        """`work`'s answer, or the first answer again under the same `Idempotency-Key`."""
        return answered_once(self.request, self.principal.user_id, work)

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The body's object as `serializer_class` understands it. Raises InvalidInput with every fault."""
        try:
            return dict(serializer_class().run_validation(json_object(self.request)))
        except ValidationError as error:
            raise InvalidInput(*_faults(("body",), error.detail)) from error

    def chosen(self, name: str, choices: Sequence[str], default: str | None = None) -> str | None:
        """The query's `name`, one of `choices`. Raises InvalidInput."""
        text = self.request.GET.get(name)
        if text is None:
            return default
        if text not in choices:
            raise InvalidInput(FieldError(("query", name), f"“{text[:40]}” 不是合法选项：{', '.join(choices)}"))
        return text

    def page_asked(self, name: str) -> tuple[int | None, int]:
        """Where the page of list `name` begins (None: at the newest) and its `limit` (1–100). Raises InvalidInput."""
        text = self.request.GET.get("limit", str(LIMIT))
        if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LIMIT_MOST):
            raise InvalidInput(FieldError(("query", "limit"), f"应为 1 到 {LIMIT_MOST} 的整数"))
        cursor = self.request.GET.get("cursor")
        position = position_of(self._list(name), cursor) if cursor else None
        if cursor and position is None:
            raise InvalidInput(FieldError(("query", "cursor"), "游标无效"))
        return position, int(text)

    def page(
        self, name: str, rows: Sequence[Row], limit: int, render: Callable[[Row], Any], position: Callable[[Row], int]
    ) -> HttpResponse:
        """The first `limit` of `rows`, which were read one further, and the cursor of what follows."""
        shown, has_more = rows[:limit], len(rows) > limit
        cursor = cursor_of(self._list(name), position(shown[-1])) if has_more else None
        return self.success({"items": [render(row) for row in shown], "next_cursor": cursor, "has_more": has_more})

    def _list(self, name: str) -> str:
        return f"skyriff:{name}:{self.principal.user_id}"


def _faults(loc: tuple[str | int, ...], errors: Any) -> list[FieldError]:
    if isinstance(errors, dict):
        return [fault for name, inner in errors.items() for fault in _faults(loc if name == "non_field_errors" else (*loc, name), inner)]
    return [FieldError(loc, str(detail)) for detail in errors]


def bearer_of(request: HttpRequest) -> str:
    """The token of `Authorization: Bearer …`. Raises NotSignedIn without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn()
    return token.strip()


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object. Raises InvalidInput, RequestTooLarge."""
    body = body_of(request)
    try:
        data = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise InvalidInput(FieldError(("body",), "请求体不是合法的 JSON")) from error
    if not isinstance(data, dict):
        raise InvalidInput(FieldError(("body",), "请求体应为 JSON 对象"))
    return data


@csrf_exempt
def unknown(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """The catch-all of the contract: an unknown path, in its envelope."""
    return error_response(DomainError.for_code("not_found")())
