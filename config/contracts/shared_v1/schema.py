"""How the shared paths describe themselves: the union envelope around each answer, for drf-spectacular."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

STAMPS: dict[str, Any] = {
    "timestamp": serializers.IntegerField(help_text="Milliseconds."),
    "requestId": serializers.CharField(),
}
ERROR = inline_serializer(
    "SharedErrorEnvelope",
    {
        "code": serializers.IntegerField(help_text="The HTTP status."),
        "message": serializers.CharField(),
        "data": serializers.DictField(allow_null=True),
        **STAMPS,
    },
)
REASONS = {
    400: "The input is not valid",
    401: "Not signed in, or what was shown is not valid",
    403: "Not allowed, or banned",
    404: "Not found",
    405: "Wrong method",
    413: "The body is too large",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}
EVERYWHERE = (405, 413, 429, 500, 503)


def answers(name: str, data: Any, *statuses: int) -> dict[int, Any]:
    """The answers of one endpoint: 200 with `data` in the envelope, the named errors, and those every endpoint may give."""
    return enveloped(name, data, statuses, error=ERROR, reasons=REASONS)


def enveloped(name: str, data: Any, statuses: Sequence[int], *, error: Any, reasons: Mapping[int, str]) -> dict[int, Any]:
    """`answers` in the words of a contract whose errors look like `error`, for those reasons."""
    code, message = serializers.ChoiceField(choices=[200]), serializers.CharField()
    table: dict[int, Any] = {200: inline_serializer(f"{name}Envelope", {"code": code, "message": message, "data": data, **STAMPS})}
    for status in sorted({*statuses, *EVERYWHERE}):
        table[status] = OpenApiResponse(error, description=reasons[status])
    return table
