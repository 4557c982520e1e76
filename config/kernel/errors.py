"""Domain errors: what went wrong, in words every contract can translate.

A service raises a `DomainError`; a contract's kit maps its `code` to status, body and text.
The docstring of a class is its default English message, with `{params}` filled in.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar


class DomainError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "system"
    retryable: ClassVar[bool] = False
    _by_code: ClassVar[dict[str, type[DomainError]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        known = DomainError._by_code.setdefault(cls.code, cls)
        if known is not cls:
            raise TypeError(f"error code {cls.code!r} is taken by {known.__name__}")

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The default text: the docstring's first line with the parameters filled in."""
        text = (inspect.getdoc(type(self)) or "").splitlines()[0]
        try:
            return text.format(**self.params)
        except (KeyError, IndexError):
            return text

    @classmethod
    def for_code(cls, code: str) -> type[DomainError]:
        """The class that carries `code`; `SystemFailure` for one nobody declared."""
        return cls._by_code.get(code, SystemFailure)

    @classmethod
    def walk(cls) -> Iterator[type[DomainError]]:
        """Every declared domain error."""
        yield from cls._by_code.values()


class SystemFailure(DomainError):
    """The server made a mistake; it has been recorded."""

    code = "system"


class DatabaseUnavailable(DomainError):
    """The database does not answer; try again in a moment."""

    code = "database"
    retryable = True


class CacheUnavailable(DomainError):
    """The cache does not answer; try again in a moment."""

    code = "cache"
    retryable = True


class NotSignedIn(DomainError):
    """Sign in first: the token or key is missing or not valid."""

    code = "not_signed_in"


class TokenExpired(DomainError):
    """The token has expired."""

    code = "token_expired"


class NotAllowed(DomainError):
    """This is not allowed."""

    code = "not_allowed"


class NotFound(DomainError):
    """Not found."""

    code = "not_found"


class MethodNotAllowed(DomainError):
    """This method is not allowed here."""

    code = "wrong_method"

    def __init__(self, *, allowed: list[str]) -> None:
        super().__init__(allowed=allowed)


class NotConfigured(DomainError):
    """This service is not configured here: {service}."""

    code = "not_configured"


class Conflict(DomainError):
    """This conflicts with what is already there."""

    code = "conflict"


class TooManyRequests(DomainError):
    """Too many requests; try again in {retry_after_s} seconds."""

    code = "too_many_requests"
    retryable = True

    def __init__(self, *, retry_after_s: int, **params: Any) -> None:
        super().__init__(retry_after_s=retry_after_s, **params)


class RequestTooLarge(DomainError):
    """The request body is too large."""

    code = "request_too_large"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of the input: where (`("body", "prompt")`), what, and a machine-readable type."""

    loc: tuple[str | int, ...]
    message: str
    type: str = "value_error"


class InvalidInput(DomainError):
    """The input is not valid."""

    code = "invalid_input"

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__()

    @classmethod
    def field(cls, name: str, message: str, type: str = "value_error") -> InvalidInput:
        """One fault in one field of the body."""
        return cls(FieldError(("body", name), message, type))


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Within: a domain error is about `field` of the body, unless it already says where."""
    try:
        yield
    except DomainError as error:
        error.params.setdefault("field", field)
        raise
