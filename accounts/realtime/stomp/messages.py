"""What a user's events say on the destinations of document 002 §8, in its words and shapes. Synchronous.

Progress, the only frequent one, needs the database once a task: what never changes about it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from accounts.realtime.listener import Message
from config.kernel.ids import parse_uuid
from generation.api.stargraph.words import STATUS, fault_of
from generation.models import Task
from generation.selectors.named import outputs_of, task_name, task_named
from generation.services.link import link_of
from generation.states import TaskState

REPLY, PROGRESS, RESULT = "/user/queue/reply", "/user/topic/progress", "/user/topic/result"
DESTINATIONS = frozenset({REPLY, PROGRESS, RESULT})
ENDINGS = frozenset({"task.completed", "task.failed", "task.cancelled"})
KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Told:
    """One message for the subscribers of a destination. Of progress it also says of which task, how far, and whether it is a mere step."""

    destination: str
    body: bytes
    task: str = ""
    percent: int = 0
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What never changes about a task: its public name, its steps, what it makes."""

    name: str
    steps: int
    makes: str


_facts: dict[tuple[int, str], Facts] = {}


def told_quickly(user_id: int, message: Message) -> list[Told] | None:
    """What `message` says, when no look at the database is needed; else None."""
    if not message.kind.startswith("task."):
        return []
    facts = _facts.get((user_id, _uuid_of(message)))
    if facts is None or message.kind != "task.progress":
        return None
    return [_step(facts, message)]


def told(user_id: int, message: Message) -> list[Told]:
    """What `message` says; nothing when it is not about a task of that user."""
    uuid = parse_uuid(_uuid_of(message))
    if not message.kind.startswith("task.") or uuid is None:
        return []
    task = Task.objects.filter(user_id=user_id, uuid=uuid).first()
    return _told_of(task, message) if task is not None else []


def _told_of(task: Task, message: Message) -> list[Told]:
    facts = _facts_of(task)
    if message.kind == "task.created":
        return [_progress(facts, _begun(task), "任务已提交，正在排队...")]
    if message.kind == "task.started":
        return [_progress(facts, _begun(task), "开始生成...")]
    if message.kind == "task.progress":
        return [_step(facts, message)]
    if message.kind not in ENDINGS:
        return []
    done = [_progress(facts, 100, "生成完成")] if message.kind == "task.completed" else []
    return [*done, Told(RESULT, orjson.dumps(_ending(task)), facts.name)]


def _begun(task: Task) -> float:
    """How far a task is where its beginning is told. While it runs, and after a second attempt, as far as it came: who comes back is
    not told less than before. A story that is over is told from 0."""
    if task.status in (TaskState.PENDING, TaskState.RUNNING) or task.attempts.count() > 1:
        return task.progress
    return 0


def _uuid_of(message: Message) -> str:
    return str(message.payload.get("task_id", "")) if isinstance(message.payload, dict) else ""


def _facts_of(task: Task) -> Facts:
    key = (task.user_id, str(task.uuid))
    found = _facts.get(key)
    if found is None:
        steps = task.params.get("steps")
        makes = "视频" if "video" in task.kind or task.kind.startswith("animate") else "图像"
        found = Facts(task_name(task.kind, task.created_at, task.pk), steps if isinstance(steps, int) and steps > 0 else 100, makes)
        if len(_facts) >= KEPT:
            _facts.clear()
        _facts[key] = found
    return found


def _step(facts: Facts, message: Message) -> Told:
    return _progress(facts, float(message.payload.get("progress", 0)), f"正在生成{facts.makes}...", is_step=True)


def _progress(facts: Facts, percent: float, words: str, *, is_step: bool = False) -> Told:
    whole = int(percent)
    body = {
        "type": "progress",
        "taskId": facts.name,
        "progress": whole,
        "currentStep": facts.steps * whole // 100,
        "totalSteps": facts.steps,
        "message": words,
    }
    return Told(PROGRESS, orjson.dumps(body), facts.name, whole, is_step)


def raised(told: Told, percent: int) -> Told:
    """The same progress message, but as far as `percent`."""
    body = orjson.loads(told.body)
    body |= {"progress": percent, "currentStep": body["totalSteps"] * percent // 100}
    return replace(told, body=orjson.dumps(body), percent=percent)


def _ending(task: Task) -> dict[str, Any]:
    """How an ended task ended: its results, or why there are none."""
    status = STATUS[task.status]
    if status == "FAILED":
        return failure(_facts_of(task).name, *fault_of(task.error_code))
    return {"type": "result", "taskId": _facts_of(task).name, "status": status, "results": _results(task)}


def _results(task: Task) -> list[dict[str, str | None]]:
    """The files of a task that succeeded; what came after a refund is not delivered here."""
    if task.status != TaskState.SUCCEEDED:
        return []
    found = outputs_of(user_id=task.user_id, task_ids=[task.pk])[task.pk]
    return [{"url": link_of(one), "thumbnailUrl": link_of(one.thumbnail) if one.thumbnail else None} for one in found]


def failure(name: str, code: str, words: str) -> dict[str, Any]:
    """The document's error message."""
    return {"type": "error", "taskId": name, "code": code, "message": words}


def standing(*, user_id: int, name: str) -> dict[str, Any]:
    """Where the user's task stands. Raises TaskNotFound for everything else, another's task too."""
    task = task_named(user_id=user_id, name=name)
    status = STATUS[task.status]
    found: dict[str, Any] = {"type": "status", "taskId": name, "status": status, "progress": int(task.progress)}
    if status == "FAILED":
        found["code"], found["message"] = fault_of(task.error_code)
    return {**found, "results": _results(task)}


def forget() -> None:
    """Nothing is kept about any task: for tests that begin with an empty database."""
    _facts.clear()
