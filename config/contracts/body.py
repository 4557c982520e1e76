"""The bytes of a request, before any contract gives them a meaning."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from config.kernel.errors import FieldError, InvalidInput, RequestTooLarge


def body_of(request: HttpRequest) -> bytes:
    """The raw body. Raises RequestTooLarge, InvalidInput (it broke off)."""
    try:
        return request.body
    except RequestDataTooBig as error:
        raise RequestTooLarge() from error
    except (UnreadablePostError, OSError) as error:
        raise InvalidInput(FieldError(("body",), "the body could not be read")) from error
