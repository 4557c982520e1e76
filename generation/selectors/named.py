"""Tasks by the names that `stargraph` gives them: `t2i_20241002_123456` is prefix, day of creation in Asia/Shanghai, number."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import OrderBy

from config.kernel import clock
from generation.exceptions import TaskNotFound
from generation.models import Asset, Attempt, Task
from generation.states import LateChoice, TaskState

PREFIXES = {
    "text2img": "t2i",
    "img2img": "i2i",
    "upscale": "up",
    "pose": "pose",
    "text2video": "t2v",
    "text-to-video": "t2v",
    "img2video": "i2v",
    "image-to-video": "i2v",
    "animate-move": "mov",
    "animate-mix": "mix",
}
OTHER = "task"
"""The prefix of every other kind."""
NAME = re.compile(rf"(?:{'|'.join(dict.fromkeys((*PREFIXES.values(), OTHER)))})_[0-9]{{8}}_([1-9][0-9]{{0,18}})")
NUMBER_MOST = 2**63 - 1
COUNTED_EXACTLY = 10_000
SORTS = ("created_at", "completed_at", "cost_credits", "progress", "status", "kind")


@dataclass(frozen=True, slots=True)
class NamedPage:
    """One page of a user's tasks; `total` is exact up to 10,000 (or up to the page's end beyond)."""

    tasks: Sequence[Task]
    total: int


def task_name(kind: str, created_at: dt.datetime, id: int) -> str:
    """The public name of a task of that kind, time of creation and row number."""
    return f"{PREFIXES.get(kind, OTHER)}_{clock.day_of(created_at):%Y%m%d}_{id}"


def name_of(task: Task) -> str:
    """The public name of `task`."""
    return task_name(task.kind, task.created_at, task.pk)


def task_number(name: str) -> int | None:
    """The row number in a task's name; None for anything that cannot be one."""
    found = NAME.fullmatch(name)
    number = int(found[1]) if found else 0
    return number if 0 < number <= NUMBER_MOST else None


def task_named(*, user_id: int, name: str) -> Task:
    """The user's own task of exactly this name, prefix and day included. Raises TaskNotFound, never telling why."""
    number = task_number(name)
    task = Task.objects.filter(user_id=user_id, pk=number).first() if number else None
    if task is None or name_of(task) != name:
        raise TaskNotFound()
    return task


def names_of(*, user_id: int, uuids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of the user's own tasks among `uuids`. One statement."""
    rows = Task.objects.filter(user_id=user_id, uuid__in=list(uuids)).values_list("uuid", "kind", "created_at", "pk")
    return {uuid: task_name(kind, created_at, number) for uuid, kind, created_at, number in rows}


def tasks_named(
    *,
    user_id: int,
    page: int,
    page_size: int,
    statuses: Sequence[str] = (),
    kinds: Sequence[str] = (),
    sort: str = "created_at",
    words: Mapping[str, str] | None = None,
    ascending: bool = False,
) -> NamedPage:
    """Page `page` (from 1) of the user's tasks, narrowed to `statuses` and `kinds` if any, in the order of `sort` (one of SORTS).

    `words`: what is shown for the values of `sort`, and therefore sorted. Tasks without a value stand last. Three statements.
    """
    found = Task.objects.filter(user_id=user_id)
    found = found.filter(status__in=statuses) if statuses else found
    found = found.filter(kind__in=kinds) if kinds else found
    offset = (page - 1) * page_size
    total = found.order_by()[: max(COUNTED_EXACTLY, offset + page_size)].count()
    if offset >= total:
        return NamedPage((), total)
    sign = "" if ascending else "-"
    order = [f"{sign}pk"] if sort == "created_at" else [_nulls_last(_shown(sort, words), ascending), f"{sign}pk"]
    numbers = list(found.order_by(*order).values_list("pk", flat=True)[offset : offset + page_size])
    tasks = Task.objects.filter(user_id=user_id).in_bulk(numbers)
    return NamedPage([tasks[number] for number in numbers], total)


def _shown(sort: str, words: Mapping[str, str] | None) -> F | Case:
    if words is None:
        return F(sort)
    return Case(*(When(**{sort: value}, then=Value(word)) for value, word in words.items()), default=F(sort))


def _nulls_last(by: F | Case, ascending: bool) -> OrderBy:
    return by.asc(nulls_last=True) if ascending else by.desc(nulls_last=True)


def outputs_of(*, user_id: int, task_ids: Iterable[int]) -> dict[int, list[Asset]]:
    """The results of the user's tasks in order, each with its thumbnail. One statement.

    What came after a refund is a result once its owner took it, and paid. What a worker stored and died over is none: it is in
    nobody's use.
    """
    numbers = list(task_ids)
    taken = Attempt.objects.filter(task_id__in=numbers, late_choice=LateChoice.TAKEN).values("task_id")
    found = Asset.objects.filter(user_id=user_id, task_id__in=numbers, source=Asset.Source.OUTPUT, used_at__isnull=False)
    found = found.filter(Q(task__status=TaskState.SUCCEEDED) | Q(task_id__in=taken))
    outputs: dict[int, list[Asset]] = {number: [] for number in numbers}
    for asset in found.select_related("thumbnail").order_by("pk"):
        outputs[asset.task_id or 0].append(asset)
    return outputs
