"""The base view of the shared paths: who asks, what was sent, the documents' rate limits, and every error in the envelope."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.views import APIView

from config.contracts import ports
from config.contracts.body import body_of
from config.contracts.shared_v1.envelope import enveloped, error_response
from config.kernel import clock, limits
from config.kernel.errors import (
    DomainError,
    FieldError,
    InvalidInput,
    MethodNotAllowed,
    NotAllowed,
    NotSignedIn,
    RequestTooLarge,
    SystemFailure,
)
from config.kernel.limits import Allowance
from config.kernel.principal import Principal
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
METHODS = ("get", "post", "put", "patch", "delete")


class SharedView(APIView):
    """One endpoint of the union. Handlers take Django's own request and return `self.success(message, data)`.

    DRF gives the serializers and the schema; its request wrapping and negotiation are left out.
    """

    signed_in: ClassVar[bool] = True
    caller: ClassVar[str] = ""
    """What the document says that is shown (one of `openapi.PROOFS`), where `signed_in` does not say it."""
    scope: ClassVar[str] = ""
    principal: Principal
    allowance: Allowance | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.request = request  # type: ignore[assignment]
        self.args, self.kwargs = args, kwargs
        with override("zh-hans"):
            try:
                with domain_errors():
                    response = self._answer(request, *args, **kwargs)
            except DomainError as error:
                self._note_refusal(error)
                response = self.failure(error)
            except Exception:
                logger.exception("an unforeseen exception in %s", type(self).__name__)
                response = self.failure(SystemFailure())
        return self._with_limit(response)

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        handler = getattr(self, (request.method or "").lower(), None) if (request.method or "").lower() in METHODS else None
        if handler is None:
            raise MethodNotAllowed(allowed=[name.upper() for name in METHODS if hasattr(self, name)])
        if self.signed_in:
            self.principal = self._prove(request)
        response: HttpResponseBase = handler(request, *args, **kwargs)
        return response

    def _prove(self, request: HttpRequest) -> Principal:
        principal = ports.principal_of()(access_token=bearer_of(request), api_key=None, at=clock.real_now())
        if self.scope and principal.scopes is not None and self.scope not in principal.scopes:
            raise NotAllowed()
        return principal

    def success(self, message: str, data: Any = None) -> HttpResponse:
        """The answer of a success in the envelope."""
        return enveloped(self.request, 200, message, data)

    def failure(self, error: DomainError) -> HttpResponse:
        """The answer of a refusal in the envelope."""
        return error_response(self.request, error)

    def limited(self, name: str, subject: str, limit: int, period_s: int) -> None:
        """One more use of the limit is counted; the answer carries `X-RateLimit-*`. Raises TooManyRequests."""
        self.allowance = Allowance(limit, 0, period_s)
        self.allowance = limits.take(f"v1-{name}", subject, limit, period_s)

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The body's object as `serializer_class` understands it. Raises InvalidInput with every fault."""
        return understood(serializer_class, json_object(self.request))

    def _note_refusal(self, error: DomainError) -> None:
        if self.allowance is not None and "limit" in error.params and "retry_after_s" in error.params:
            self.allowance = Allowance(int(error.params["limit"]), 0, int(error.params["retry_after_s"]))

    def _with_limit(self, response: HttpResponseBase) -> HttpResponseBase:
        if self.allowance is not None:
            response["X-RateLimit-Limit"] = str(self.allowance.limit)
            response["X-RateLimit-Remaining"] = str(self.allowance.remaining)
            response["X-RateLimit-Reset"] = str(self.allowance.reset_s)
        return response


def understood(serializer_class: type[serializers.Serializer[Any]], body: dict[str, Any]) -> dict[str, Any]:
    """`body` as `serializer_class` understands it. Raises InvalidInput with every fault."""
    serializer = serializer_class(data=body)
    if not serializer.is_valid():
        raise InvalidInput(*(FieldError(("body", str(name)), str(_first(fault))) for name, fault in serializer.errors.items()))
    return dict(serializer.validated_data)


def _first(fault: Any) -> Any:
    while isinstance(fault, dict | list) and fault:
        fault = next(iter(fault.values())) if isinstance(fault, dict) else fault[0]
    return fault


def bearer_of(request: HttpRequest) -> str:
    """The token of `Authorization: Bearer …`. Raises NotSignedIn without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn()
    return token.strip()


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the request's body. Raises InvalidInput, RequestTooLarge."""
    return object_in(body_of(request))


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty body is an empty object. Raises InvalidInput."""
    try:
        data = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise InvalidInput(FieldError(("body",), "不是合法的 JSON")) from error
    if not isinstance(data, dict):
        raise InvalidInput(FieldError(("body",), "应为 JSON 对象"))
    return data


@csrf_exempt
def unknown(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """The catch-all under /api/v1/: broken JSON, or a path that neither contract has, in the envelope."""
    with override("zh-hans"):
        try:
            json_object(request)
        except (InvalidInput, RequestTooLarge) as error:
            return error_response(request, error)
        return error_response(request, DomainError.for_code("not_found")())
