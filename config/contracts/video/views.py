"""The base view of the contract: who asks, what was sent, and every error in the contract's shape."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException
from django.utils.translation import override
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from config.contracts import ports
from config.contracts.video.errors import error_response, json_response
from config.contracts.video.validation import json_object, validate
from config.kernel import clock
from config.kernel.errors import DomainError, FieldError, InvalidInput, MethodNotAllowed, NotAllowed, NotSignedIn, SystemFailure
from config.kernel.principal import Principal
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
Caller = Literal["none", "user", "user+key", "own"]
PAGE_MAX = 100
PERSONAL_KEY_PREFIX = "ak_"
IDEMPOTENCY_KEY_MAX = 255


class VideoView(APIView):
    """One endpoint. `caller` says who may ask; handlers take Django's own request and return `Response(dict)`.

    DRF gives the serializers and the schema; its request wrapping and negotiation are left out, because
    the contract speaks JSON only and the hot doors must stay few objects (design, "Doors").
    `own` and `proves_later` leave the proof of the caller to the handler, which folds it into its one statement.
    """

    caller: ClassVar[Caller] = "user"
    proves_later: ClassVar[bool] = False
    scope: ClassVar[str] = ""
    principal: Principal

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.request = request  # type: ignore[assignment]
        self.args, self.kwargs = args, kwargs
        with override("en"):
            try:
                with domain_errors():
                    return self._answer(request, *args, **kwargs)
            except DomainError as error:
                return error_response(error)
            except Exception:
                logger.exception("an unforeseen exception in %s", type(self).__name__)
                return error_response(SystemFailure())

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        handler: Callable[..., Response | HttpResponseBase] | None = getattr(self, (request.method or "").lower(), None)
        if handler is None or request.method in ("OPTIONS", "HEAD"):
            raise MethodNotAllowed(allowed=self.allowed_names())
        if self.caller in ("user", "user+key") and not self.proves_later:
            self.caller_proved(request)
        response = handler(request, *args, **kwargs)
        if isinstance(response, Response):
            headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
            return json_response(response.data, response.status_code, headers)
        return response

    def allowed_names(self) -> list[str]:
        """The methods this endpoint answers, for `Allow`."""
        return [name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(self, name)]

    def caller_proved(self, request: HttpRequest) -> None:
        """`principal` is the proven caller, allowed here. A key is asked for only where the contract wants one."""
        token, key = credentials_of(request) if self.caller == "user+key" else (bearer_of(request), None)
        if token is None:
            raise NotSignedIn()
        self.principal = ports.principal_of()(access_token=token, api_key=key, at=clock.real_now())
        self.allow(self.principal)

    def allow(self, principal: Principal) -> None:
        """Raises NotAllowed for a key without this endpoint's scope: without one, only a session may come here."""
        if principal.scopes is not None and self.scope not in principal.scopes:
            raise NotAllowed()

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The body's object as `serializer_class` understands it. Raises InvalidInput."""
        return validate(serializer_class, json_object(self.request))

    def page(self, default_size: int) -> tuple[int, int]:
        """`page` and `page_size` of the query (1…, 1…100). Raises InvalidInput."""
        return self._whole("page", 1, 1_000_000), self._whole("page_size", default_size, PAGE_MAX)

    def _whole(self, name: str, default: int, most: int) -> int:
        text = self.request.GET.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidInput(FieldError(("query", name), "value is not a valid integer", "type_error.integer"))
        if not 1 <= int(text) <= most:
            raise InvalidInput(FieldError(("query", name), f"ensure this value is between 1 and {most}", "value_error.number.range"))
        return int(text)

    def idempotency_key(self) -> tuple[str, bytes] | None:
        """The `Idempotency-Key` and the hash of method, path and body; None without the header."""
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not 1 <= len(key) <= IDEMPOTENCY_KEY_MAX or not key.isprintable():
            raise InvalidInput(FieldError(("header", "Idempotency-Key"), "ensure this value has 1 to 255 characters", "value_error"))
        try:
            body = self.request.body
        except RawPostDataException:
            body = b""
        name = f"{self.request.method} {self.request.path}\n".encode()
        return key, hashlib.sha256(name + body).digest()

    def idempotent(self, work: Callable[[], Response]) -> HttpResponse:
        """`work`'s answer, or the first answer again under the same `Idempotency-Key`. Only successes are kept."""
        named = self.idempotency_key()
        if named is None:
            answer = work()
            return json_response(answer.data, answer.status_code)
        key, input_hash = named
        replay = ports.idempotency("claim")(user_id=self.principal.user_id, key=key, input_hash=input_hash)
        if replay is not None:
            return HttpResponse(replay.body, status=replay.status, content_type="application/json", headers={"Idempotent-Replayed": "true"})
        try:
            answer = work()
        except BaseException:
            ports.idempotency("release")(user_id=self.principal.user_id, key=key)
            raise
        response = json_response(answer.data, answer.status_code)
        ports.idempotency("store")(user_id=self.principal.user_id, key=key, status=answer.status_code, body=response.content)
        return response


def credentials_of(request: HttpRequest) -> tuple[str, str | None]:
    """The token and the key beside it; a personal key as Bearer needs none. Raises NotSignedIn."""
    token, key = bearer_of(request), request.headers.get("X-API-Key")
    if token is None or not (key or is_personal_key(token)):
        raise NotSignedIn()
    return token, key


def is_personal_key(token: str) -> bool:
    """Whether what came as Bearer is a personal key, which acts as its owner, and not a session's token."""
    return token.startswith(PERSONAL_KEY_PREFIX)


def bearer_of(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer …`, or None. Raises NotSignedIn for another scheme."""
    header = request.headers.get("Authorization")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn()
    return token.strip()


def not_found(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """The catch-all of the contract: an unknown path, in its shape."""
    return error_response(DomainError.for_code("not_found")())
