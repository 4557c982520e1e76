"""Input judged by a serializer; faults in the documents' words (`loc`, `msg`, `type`)."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from config.kernel.errors import FieldError, InvalidInput, RequestTooLarge

EXPECTED = {
    serializers.CharField: ("str type expected", "type_error.str"),
    serializers.IntegerField: ("value is not a valid integer", "type_error.integer"),
    serializers.FloatField: ("value is not a valid float", "type_error.float"),
    serializers.BooleanField: ("value could not be parsed to a boolean", "type_error.bool"),
    serializers.ListField: ("value is not a valid list", "type_error.list"),
    serializers.Serializer: ("value is not a valid dict", "type_error.dict"),
}


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


@cache
def _prototype(serializer_class: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One instance a class: validation keeps nothing in it, and copying its fields costs more than the work they do."""
    return serializer_class()


def validate(serializer_class: type[serializers.Serializer[Any]], data: dict[str, Any], where: str = "body") -> dict[str, Any]:
    """`data` as the serializer understands it. Raises InvalidInput with every fault."""
    serializer = _prototype(serializer_class)
    try:
        return dict(serializer.run_validation(data))
    except ValidationError as error:
        raise InvalidInput(*_faults((where,), serializer, error.detail)) from error


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
    """One fault in the documents' words."""
    is_text = isinstance(field, serializers.CharField)
    least, most = getattr(field, "min_length", None) or 1, getattr(field, "max_length", None)
    choices = ", ".join(f"'{choice}'" for choice in getattr(field, "choices", ()))
    expected = next((words for kind, words in EXPECTED.items() if isinstance(field, kind)), (str(detail), "value_error"))
    at_least = (
        (f"ensure this value has at least {least} characters", "value_error.any_str.min_length")
        if is_text
        else (f"ensure this value has at least {least} items", "value_error.list.min_items")
    )
    at_most = (
        (f"ensure this value has at most {most} characters", "value_error.any_str.max_length")
        if is_text
        else (f"ensure this value has at most {most} items", "value_error.list.max_items")
    )
    words = {
        "required": ("field required", "value_error.missing"),
        "null": ("none is not an allowed value", "type_error.none.not_allowed"),
        "blank": at_least,
        "empty": at_least,
        "min_length": at_least,
        "max_length": at_most,
        "max_value": (f"ensure this value is less than or equal to {getattr(field, 'max_value', '')}", "value_error.number.not_le"),
        "min_value": (f"ensure this value is greater than or equal to {getattr(field, 'min_value', '')}", "value_error.number.not_ge"),
        "invalid_choice": (f"value is not a valid enumeration member; permitted: {choices}", "type_error.enum"),
        "invalid": expected,
        "not_a_list": expected,
        "not_a_dict": expected,
    }
    return FieldError(loc, *words.get(str(detail.code), (str(detail), "value_error")))
