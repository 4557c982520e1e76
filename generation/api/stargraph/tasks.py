"""GET tasks, GET and DELETE tasks/{taskId}, POST tasks/{taskId}/retry (002 §7)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from config.contracts.stargraph.schema import ORDER, PAGE, PAGE_SIZE, REPEAT, answers, page, sorted_by
from config.contracts.stargraph.views import StargraphView
from generation.api.stargraph import render, words
from generation.api.stargraph.orders import key_of_task, rendered
from generation.selectors.named import name_of, outputs_of, task_named, tasks_named
from generation.services.cancel import CancelResult, task_cancel
from generation.services.retry import task_retry

SORTS = {
    "createTime": "created_at",
    "completeTime": "completed_at",
    "cost": "cost_credits",
    "progress": "progress",
    "status": "status",
    "type": "kind",
}
WORDS = {"status": words.STATUS, "type": words.TYPES}
LOCAL = "UTC+8, without zone"


class ErrorOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField(allow_blank=True)


class _TaskOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.CharField()
    status = serializers.ChoiceField(choices=words.STATUS_NAMES)
    progress = serializers.IntegerField(min_value=0, max_value=100)
    prompt = serializers.CharField(allow_blank=True)
    cost = serializers.IntegerField()
    createTime = serializers.CharField(help_text=LOCAL)
    completeTime = serializers.CharField(allow_null=True, help_text=LOCAL)
    clientId = serializers.CharField(required=False)
    error = ErrorOutput(required=False)


class ListedTaskOutput(_TaskOutput):
    results = serializers.ListField(child=serializers.CharField())


class ResultOutput(serializers.Serializer[Any]):
    url = serializers.CharField()
    thumbnailUrl = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(help_text="Bytes.")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    format = serializers.CharField()
    duration = serializers.FloatField(required=False, help_text="Seconds, of a video.")


class TaskOutput(_TaskOutput):
    negativePrompt = serializers.CharField(allow_blank=True)
    parameters = serializers.DictField()
    results = ResultOutput(many=True)
    queueTime = serializers.IntegerField(allow_null=True, help_text="Seconds.")
    processTime = serializers.IntegerField(allow_null=True, help_text="Seconds.")
    startTime = serializers.CharField(allow_null=True, help_text=LOCAL)


class CancelledOutput(serializers.Serializer[Any]):
    taskId = serializers.CharField()
    refund = serializers.IntegerField(help_text="Credits; 0 while an engine must confirm that it stopped.")


class RetriedOutput(serializers.Serializer[Any]):
    newTaskId = serializers.CharField()
    queuePosition = serializers.IntegerField()
    estimatedTime = serializers.IntegerField(help_text="Seconds.")
    cost = serializers.IntegerField()


class TaskListView(StargraphView):
    """`GET tasks`."""

    scope = "tasks"

    @extend_schema(
        summary="The caller's tasks",
        parameters=[
            PAGE, PAGE_SIZE, sorted_by(list(SORTS)), ORDER,
            OpenApiParameter("status", str, enum=words.STATUS_NAMES), OpenApiParameter("type", str, enum=words.TYPE_NAMES),
        ],
        responses=answers("Tasks", page("Tasks", ListedTaskOutput), 400, 401, 403),
    )  # fmt: skip
    def get(self, request: HttpRequest) -> HttpResponse:
        asked, user_id = self.page_asked(list(SORTS)), self.principal.user_id
        found = tasks_named(
            user_id=user_id,
            page=asked.page,
            page_size=asked.page_size,
            statuses=words.statuses_of(self.chosen("status", words.STATUS_NAMES)),
            kinds=words.kinds_of(self.chosen("type", words.TYPE_NAMES)),
            sort=SORTS[asked.sort],
            words=WORDS.get(asked.sort),
            ascending=asked.ascending,
        )
        outputs = outputs_of(user_id=user_id, task_ids=[task.pk for task in found.tasks])
        return self.page(asked, [render.listed(task, outputs[task.pk]) for task in found.tasks], found.total)


class TaskView(StargraphView):
    """`GET` and `DELETE tasks/{taskId}`."""

    scope = "tasks"

    @extend_schema(operation_id="stargraph_task", summary="A task", responses=answers("Task", TaskOutput(), 401, 403, 404))
    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        task = task_named(user_id=self.principal.user_id, name=task_id)
        outputs = outputs_of(user_id=self.principal.user_id, task_ids=[task.pk])
        return self.success("success", render.detailed(task, outputs[task.pk]))

    @extend_schema(summary="Cancel a task", responses=answers("CancelledTask", CancelledOutput(), 400, 401, 403, 404))
    def delete(self, request: HttpRequest, task_id: str) -> HttpResponse:
        task = task_named(user_id=self.principal.user_id, name=task_id)
        is_over = task_cancel(user_id=self.principal.user_id, task_uuid=task.uuid) is CancelResult.DONE
        data = {"taskId": name_of(task), "refund": task.cost_credits if is_over else 0}
        return self.success("任务已取消" if is_over else "已请求取消任务", data)


class RetryView(StargraphView):
    """`POST tasks/{taskId}/retry`."""

    scope = "generation"

    @extend_schema(
        summary="The same again, at today's price",
        parameters=[REPEAT],
        request=None,
        responses=answers("RetriedTask", RetriedOutput(), 400, 401, 403, 404, 409),
    )
    def post(self, request: HttpRequest, task_id: str) -> HttpResponse:
        return self.idempotent(lambda: self.success("任务重试成功", self._again(request, task_id)))

    def _again(self, request: HttpRequest, task_id: str) -> dict[str, Any]:
        old = task_named(user_id=self.principal.user_id, name=task_id)
        created = task_retry(principal=self.principal, task_uuid=old.uuid, idempotency=key_of_task(request))
        shown = rendered(created, self.principal.user_id)
        return {"newTaskId": shown.pop("taskId"), **shown}
