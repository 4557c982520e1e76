"""`POST /api/videos/sora/callback` (000 §3.4): an engine tells that a task ended."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from config.contracts.video.schema import answers
from config.contracts.video.validation import json_object
from config.contracts.video.views import VideoView
from generation.services.callback import Heard, callback_receive
from generation.states import TaskState

HINT_MAX = 128
MESSAGES = {
    TaskState.SUCCEEDED: "Task completed successfully",
    TaskState.FAILED: "Task failed",
    TaskState.TIMEOUT: "Task timed out",
    TaskState.CANCELLED: "Task was cancelled",
}


CALLBACK_INPUT = inline_serializer(
    "SoraCallback",
    {
        "code": serializers.IntegerField(required=False),
        "msg": serializers.CharField(required=False),
        "data": serializers.DictField(required=False, help_text="Only its taskId is looked at; everything else is asked of the engine."),
    },
)


class CallbackOutput(serializers.Serializer[Any]):
    """What became of it."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    task_id = serializers.UUIDField()


class SoraCallbackView(VideoView):
    """No credentials: the address carries the task's own token, and the engine is asked before anything is believed."""

    caller = "none"

    @extend_schema(
        request=CALLBACK_INPUT,
        parameters=[OpenApiParameter("token", str, OpenApiParameter.QUERY, required=True)],
        responses=answers(CallbackOutput, 400, 404),
    )
    def post(self, request: HttpRequest) -> Response:
        """Hear that a task ended."""
        heard = callback_receive(token=request.GET.get("token", ""), hint_id=_hint(json_object(request)))
        return Response({"success": True, "message": message_of(heard), "task_id": str(heard.task_uuid)})


def message_of(heard: Heard) -> str:
    """The document's words where the engine itself confirms the end."""
    if heard.is_confirmed:
        return MESSAGES[TaskState.SUCCEEDED]
    return MESSAGES.get(TaskState(heard.status), "Callback received")


def _hint(body: dict[str, Any]) -> str:
    """The upstream id that the body names (`taskId`, in sibling pages `task_id`); empty for anything else."""
    data = body.get("data")
    found = (data.get("taskId") or data.get("task_id")) if isinstance(data, dict) else None
    return found if isinstance(found, str) and len(found) <= HINT_MAX else ""
