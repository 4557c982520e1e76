"""How the contract describes itself: the envelope around each answer, for drf-spectacular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

STAMPS: dict[str, Any] = {
    "timestamp": serializers.IntegerField(help_text="Milliseconds."),
    "requestId": serializers.CharField(),
}
BUSINESS = ["E001", "E002", "E003", "E004", "E005", "E006", "E007"]
ERROR = inline_serializer(
    "StargraphErrorEnvelope",
    {
        "code": serializers.JSONField(help_text=f"The HTTP status, or one of {', '.join(BUSINESS)}."),
        "message": serializers.CharField(),
        "data": serializers.DictField(allow_null=True),
        **STAMPS,
    },
)
REASONS = {
    400: "Refused, or the input is not valid; E002, E004, E005, E006",
    401: "Not signed in, or the token is not valid",
    403: "Not allowed",
    404: "Not found",
    405: "Wrong method",
    409: "The Idempotency-Key was used for something else, or its first request still runs",
    413: "The body is too large",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now; E001, E003, E007",
}
EVERYWHERE = (405, 413, 429, 500, 503)
PAGE = OpenApiParameter("page", int, description="From 1.")
PAGE_SIZE = OpenApiParameter("pageSize", int, description="1 to 100, default 20.")
ORDER = OpenApiParameter("order", str, enum=["asc", "desc"], description="Default: desc.")
REPEAT = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="1 to 255 characters: the same again answers the same."
)


def answers(name: str, data: Any, *statuses: int) -> dict[int, Any]:
    """The answers of one endpoint: 200 with `data` in the envelope, the named errors, and those every endpoint may give."""
    code, message = serializers.ChoiceField(choices=[200]), serializers.CharField()
    table: dict[int, Any] = {200: inline_serializer(f"{name}Envelope", {"code": code, "message": message, "data": data, **STAMPS})}
    for status in sorted({*statuses, *EVERYWHERE}):
        table[status] = OpenApiResponse(ERROR, description=REASONS[status])
    return table


def sorted_by(names: Sequence[str]) -> OpenApiParameter:
    """The parameter `sort` of a list that can be sorted by these fields."""
    return OpenApiParameter("sort", str, enum=list(names), description=f"Default: {names[0]}.")


def page(name: str, item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One page of a list; `totalElements` counts at most 10,000 exactly."""
    return inline_serializer(
        f"{name}Page",
        {
            "content": item(many=True),
            "totalElements": serializers.IntegerField(),
            "totalPages": serializers.IntegerField(),
            "page": serializers.IntegerField(),
            "pageSize": serializers.IntegerField(),
        },
    )
