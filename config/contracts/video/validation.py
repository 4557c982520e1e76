"""Input judged by a serializer; faults in the documents' words (`loc`, `msg`, `type`)."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from config.kernel.errors import DomainError, FieldError, InvalidInput

EXPECTED = {
    serializers.CharField: ("str type expected", "type_error.str"),
    serializers.IntegerField: ("value is not a valid integer", "type_error.integer"),
    serializers.FloatField: ("value is not a valid float", "type_error.float"),
    serializers.BooleanField: ("value could not be parsed to a boolean", "type_error.bool"),
    serializers.ListField: ("value is not a valid list", "type_error.list"),
    serializers.Serializer: ("value is not a valid dict", "type_error.dict"),
}


class RequestTooLarge(DomainError):
    """The request body is too large."""

    code = "request_too_large"


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body, whatever the declared type. An empty body is an empty object."""
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise RequestTooLarge() from error
    except (UnreadablePostError, OSError) as error:
        raise InvalidInput(FieldError(("body",), "the body could not be read", "value_error.body")) from error
    try:
        data = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise InvalidInput(FieldError(("body", error.pos), f"Expecting value: {error.msg}", "value_error.jsondecode")) from error
    if not isinstance(data, dict):
        raise InvalidInput(FieldError(("body",), *EXPECTED[serializers.Serializer]))
    return data


def validate(serializer_class: type[serializers.Serializer[Any]], data: dict[str, Any], where: str = "body") -> dict[str, Any]:
    """`data` as the serializer understands it. Raises InvalidInput with every fault."""
    serializer = serializer_class(data=data)
    if not serializer.is_valid():
        raise InvalidInput(*_faults((where,), serializer, serializer.errors))
    return dict(serializer.validated_data)


def _faults(loc: tuple[str | int, ...], field: Any, errors: Any) -> list[FieldError]:
    if isinstance(errors, dict):
        found: list[FieldError] = []
        for name, inner in errors.items():
            found += _faults(_loc(loc, name), _inner(field, name), inner)
        return found
    return [_fault(loc, field, detail) for detail in errors]


def _loc(loc: tuple[str | int, ...], name: str | int) -> tuple[str | int, ...]:
    return loc if name == "non_field_errors" else (*loc, name)


def _inner(field: Any, name: str | int) -> Any:
    if isinstance(name, int):
        return getattr(field, "child", field)
    return field.fields.get(name, field) if hasattr(field, "fields") else field


def _fault(loc: tuple[str | int, ...], field: Any, detail: ErrorDetail) -> FieldError:
    code = detail.code
    if code == "required":
        return FieldError(loc, "field required", "value_error.missing")
    if code == "null":
        return FieldError(loc, "none is not an allowed value", "type_error.none.not_allowed")
    if code == "blank" or (code == "min_length" and isinstance(field, serializers.CharField)):
        return FieldError(loc, f"ensure this value has at least {getattr(field, 'min_length', None) or 1} characters", "value_error.any_str.min_length")
    if code == "max_length" and isinstance(field, serializers.CharField):
        return FieldError(loc, f"ensure this value has at most {field.max_length} characters", "value_error.any_str.max_length")
    if code in ("empty", "min_length"):
        return FieldError(loc, f"ensure this value has at least {getattr(field, 'min_length', None) or 1} items", "value_error.list.min_items")
    if code == "max_length":
        return FieldError(loc, f"ensure this value has at most {field.max_length} items", "value_error.list.max_items")
    if code == "max_value":
        return FieldError(loc, f"ensure this value is less than or equal to {field.max_value}", "value_error.number.not_le")
    if code == "min_value":
        return FieldError(loc, f"ensure this value is greater than or equal to {field.min_value}", "value_error.number.not_ge")
    if code == "invalid_choice":
        permitted = ", ".join(f"'{choice}'" for choice in field.choices)
        return FieldError(loc, f"value is not a valid enumeration member; permitted: {permitted}", "type_error.enum")
    if code in ("invalid", "not_a_list", "not_a_dict"):
        for kind, (message, type_name) in EXPECTED.items():
            if isinstance(field, kind):
                return FieldError(loc, message, type_name)
    return FieldError(loc, str(detail), "value_error")
