"""How the contract describes itself: the envelope around each answer, for drf-spectacular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from config.contracts.shared_v1.schema import STAMPS, enveloped

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
PAGE = OpenApiParameter("page", int, description="From 1.")
PAGE_SIZE = OpenApiParameter("pageSize", int, description="1 to 100, default 20.")
ORDER = OpenApiParameter("order", str, enum=["asc", "desc"], description="Default: desc.")
REPEAT = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="1 to 255 characters: the same again answers the same."
)


class StepExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A whole number that must be a multiple of something says so."""

    target_class = "config.contracts.stargraph.fields.StrictIntegerField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        found: dict[str, Any] = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)
        return {**found, "multipleOf": self.target.step} if self.target.step > 1 else found


def answers(name: str, data: Any, *statuses: int) -> dict[int, Any]:
    """The answers of one endpoint: 200 with `data` in the envelope, the named errors, and those every endpoint may give."""
    return enveloped(name, data, statuses, error=ERROR, reasons=REASONS)


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


SOCKET = """\
Progress and results are also told over STOMP 1.0 to 1.2 at `/ws`: with `new SockJS("/ws")` and `Stomp.over(socket)`, or as a plain \
WebSocket at `/ws` or `/ws/websocket`. CONNECT carries the header `Authorization: Bearer <token>`.

SUBSCRIBE to `/user/topic/progress`, `/user/topic/result` and `/user/queue/reply`. SEND a generating call's body with its `type` \
(TEXT2IMG, IMG2IMG, UPSCALE, POSE, TEXT2VIDEO, IMG2VIDEO) to `/app/generate`, optionally under the header `idempotency-key`, and \
`{"taskId": "…"}` to `/app/task/status`; both are answered on `/user/queue/reply`.

Every message has the header `event-id`, and so has CONNECTED. A client that comes back says the last one it saw in the header \
`last-event-id` of SUBSCRIBE and gets the rest. `GET /api/v1/events` tells the same log as server-sent events, with `Last-Event-ID`.
"""
"""What the document's WebSocket part (002 §8) offers, for its page and its OpenAPI document."""
