"""What a user's webhook is told when a task ends: rendered once, as bytes; `accounts` signs and sends it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from accounts.services.webhook import delivery_create
from config.kernel.clock import iso_z
from generation.models import Task
from generation.services.link import link_of
from generation.states import TaskState

EVENTS = {
    TaskState.SUCCEEDED: ("task.completed", "completed"),
    TaskState.FAILED: ("task.failed", "failed"),
    TaskState.TIMEOUT: ("task.failed", "failed"),
    TaskState.CANCELLED: ("task.cancelled", "failed"),
}


def notice_create(task: Task, *, at: dt.datetime) -> None:
    """A delivery to the task's webhook waits, in the caller's transaction; nothing for a task without one. `at`: real time."""
    if not task.webhook_url:
        return
    body = notice_body(task)
    delivery_create(
        user_id=task.user_id,
        api_key_id=task.api_key_id,
        url=task.webhook_url,
        event_kind=body["event"],
        reference=str(task.uuid),
        body=orjson.dumps(body),
        at=at,
    )


def notice_body(task: Task) -> dict[str, Any]:
    """The ended task as `GET /api/tasks/{id}` shows it, plus `event`. Source: contracts/README "User webhooks"."""
    event, status = EVENTS[TaskState(task.status)]
    return {
        "event": event,
        "task_id": str(task.uuid),
        "user_id": str(task.user.uuid),
        "task_type": task.kind,
        "status": status,
        "progress": round(task.progress, 1),
        "result_url": link_of(task.output) if task.output else None,
        "error_message": task.error_message or None,
        "created_at": iso_z(task.created_at),
        "updated_at": iso_z(task.updated_at),
        "completed_at": iso_z(task.completed_at),
    }
