"""/api/tasks/* and /api/videos/tasks/{id} (000 §4, 001 §2.6, §3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from config.contracts.video.errors import json_response
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView, bearer_of, is_personal_key
from config.kernel.errors import FieldError, InvalidInput, NotSignedIn
from config.kernel.ids import parse_uuid
from generation.api.video import render
from generation.api.video import serializers as shapes
from generation.exceptions import TaskNotFound
from generation.selectors.task import task_seen, tasks_page_numbered
from generation.services.cancel import CancelResult, task_cancel
from generation.services.retry import task_retry
from generation.services.task_create import IdempotencyKey

FILTERS: dict[str, tuple[str, ...]] = {
    "pending": ("PENDING",),
    "processing": ("RUNNING",),
    "completed": ("SUCCEEDED",),
    "failed": ("FAILED", "CANCELLED", "TIMEOUT"),
    **{name: (name,) for name in ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT")},
}
CANCELLED = {
    CancelResult.DONE: "Task cancelled successfully",
    CancelResult.REQUESTED: "Task cancellation requested",
}


def _seen(view: VideoView, request: HttpRequest, task_id: str) -> Any:
    """The task of the path, read in the statement that proves the caller; a key is needed always."""
    token, key = bearer_of(request), request.headers.get("X-API-Key")
    if not key and not (token and is_personal_key(token)):
        raise NotSignedIn()
    principal, row = task_seen(task_uuid=parse_uuid(task_id), access_token=token, api_key=key)
    if not principal.by_key_alone:
        view.allow(principal)
    return row


def _statuses(named: str | None) -> tuple[str, ...]:
    """The inner states behind a filter in either spelling; none for no filter. Raises InvalidInput."""
    if named is None:
        return ()
    if named not in FILTERS:
        permitted = ", ".join(f"'{name}'" for name in FILTERS)
        message = f"value is not a valid enumeration member; permitted: {permitted}"
        raise InvalidInput(FieldError(("query", "status"), message, "type_error.enum"))
    return FILTERS[named]


class TaskView(VideoView):
    """GET and DELETE /api/tasks/{task_id}."""

    caller = "own"
    scope = "tasks"

    @extend_schema(responses=answers(shapes.TaskOutput, 401, 403, 404, validated=False))
    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        """A task's state and result. Needs a key; an answer to a key alone leaves out what the user wrote."""
        return json_response(render.task(_seen(self, request, task_id)))

    @extend_schema(responses=answers(shapes.CancelOutput, 400, 401, 403, 404, validated=False))
    def delete(self, request: HttpRequest, task_id: str) -> HttpResponse:
        """Cancel a task that is pending or processing."""
        self.caller_proved(request)
        task_uuid = parse_uuid(task_id)
        if task_uuid is None:
            raise TaskNotFound()
        result = task_cancel(user_id=self.principal.user_id, task_uuid=task_uuid)
        return json_response({"message": CANCELLED[result]})


class TaskStatusView(VideoView):
    """GET /api/videos/tasks/{task_id}."""

    caller = "own"
    scope = "tasks"

    @extend_schema(responses=answers(shapes.TaskStatusOutput, 401, 403, 404, validated=False))
    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        """A task's state in the platform's own words."""
        return json_response(render.task_status(_seen(self, request, task_id)))


class TaskListView(VideoView):
    """GET /api/tasks/user/tasks."""

    caller = "user"
    scope = "tasks"

    @extend_schema(
        parameters=[
            OpenApiParameter("page", OpenApiTypes.INT),
            OpenApiParameter("page_size", OpenApiTypes.INT),
            OpenApiParameter("status", OpenApiTypes.STR, enum=list(FILTERS)),
        ],
        responses=answers(shapes.TaskPageOutput, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """The caller's tasks, newest first."""
        page, page_size = self.page(10)
        status = request.GET.get("status")
        if status is not None and status not in FILTERS:
            permitted = ", ".join(f"'{name}'" for name in FILTERS)
            raise InvalidInput(
                FieldError(("query", "status"), f"value is not a valid enumeration member; permitted: {permitted}", "type_error.enum")
            )
        found = tasks_page_numbered(
            user_id=self.principal.user_id, page=page, page_size=page_size, statuses=FILTERS[status] if status else ()
        )
        return json_response(
            {"tasks": [render.task(row) for row in found.rows], "total": found.total, "page": page, "page_size": page_size}
        )


class TaskRetryView(VideoView):
    """POST /api/tasks/{task_id}/retry."""

    caller = "user"
    scope = "generation"

    @extend_schema(request=None, responses=answers(shapes.RetryOutput, 400, 401, 402, 403, 404, 409))
    def post(self, request: HttpRequest, task_id: str) -> HttpResponse:
        """Order a failed, timed out or cancelled task anew, at today's price."""
        task_uuid = parse_uuid(task_id)
        if task_uuid is None:
            raise TaskNotFound()
        named = self.idempotency_key()
        created = task_retry(principal=self.principal, task_uuid=task_uuid, idempotency=IdempotencyKey(*named) if named else None)
        answer = {
            "message": "Task retry initiated",
            "task_id": str(created.uuid),
            "new_task_id": str(created.uuid),
            "original_task_id": str(task_uuid),
        }
        return json_response(answer, 200, {"Idempotent-Replayed": "true"} if created.replayed else None)
