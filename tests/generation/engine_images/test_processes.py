"""A real worker, killed in the middle of a picture: another one makes the same picture, charged once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from generation.models import Asset, Attempt, Route, Task
from generation.services.task_create import task_create
from tests.generation.life.conftest import START_CREDITS, balance, clip, events, make_user, past, principal_of
from tests.generation.life.test_processes import environment, folder, kill_group, valkey, wait_for, worker

__all__ = ["clip", "environment", "folder", "valkey", "worker"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def order(user: Any, prompt: str) -> Task:
    alias = Route.objects.filter(kind="text2img").values_list("alias", flat=True).order_by("pk")[0]
    params = {"prompt": prompt, "seed": -1, "width": 64, "height": 64, "batch_size": 2}
    made = task_create(principal=principal_of(user), kind="text2img", offer="stargraph/text2img", alias=alias, params=params)
    return Task.objects.get(pk=made.id)


def test_a_killed_workers_batch_is_made_whole_by_another(
    committed_db: Any, worker: Callable[..., subprocess.Popen[bytes]], settings: Any
) -> None:
    settings.DEMO = True
    user = make_user()
    task = order(user, "a garden [[slow:5]]")
    first = worker(beat=True)
    wait_for(lambda: Task.objects.get(pk=task.pk).progress > 0, 60)
    kill_group(first)
    task.refresh_from_db()
    seed = task.params["seed"]
    assert (task.status, Asset.objects.count(), seed >= 0) == ("RUNNING", 0, True)
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))  # thirty seconds pass
    worker(beat=True)
    wait_for(lambda: Task.objects.get(pk=task.pk).status == "SUCCEEDED", 60)
    task.refresh_from_db()
    assert list(Attempt.objects.filter(task=task).order_by("number").values_list("state", flat=True)) == ["lost", "succeeded"]
    assert (task.params["seed"], balance(user)) == (seed, START_CREDITS - 20)
    assert events(user) == ["task.created", "task.started", "task.started", "task.completed"]
    assert Asset.objects.filter(source="output").count() == 2
