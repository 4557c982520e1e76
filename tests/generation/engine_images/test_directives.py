"""Faults that can be asked for work for all six kinds: in the prompt, or in the input's address; and what a stop or a crash leaves."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from config.kernel import clock
from generation.engines.base import EngineInput, EngineRequest, Rejected, Temporary
from generation.engines.builtin.adapter import BuiltinEngine
from generation.exceptions import SensitiveContent
from generation.kinds import KINDS
from generation.models import Attempt, Route, Task
from generation.services.claim import owner_name, task_claim
from generation.services.link import link_of
from generation.services.run import task_run
from generation.services.sweep import leases_take_back
from generation.services.task_create import task_create
from generation.services.upload import upload_create
from generation.states import TaskState
from tests.generation.life.conftest import START_CREDITS, balance, make_user, principal_of, run_all, run_next
from tests.generation.media.conftest import MakeImage

KINDS_NEW = ("text2img", "img2img", "upscale", "pose", "text2video", "img2video")
DIRECTED = ("upscale", "img2video")
"""Kinds that can do without a prompt."""


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


def order(user: Any, kind: str, directive: str, image: Path) -> Task:
    """A task of that kind whose directive stands in the prompt, or in the input's address where there is none."""
    params: dict[str, Any] = {"prompt": f"a lake [[{directive}]]", "seed": 1, "width": 64, "height": 64}
    query = ""
    if kind in DIRECTED:
        params, query = {"prompt": "", "seed": 1} if kind == "img2video" else {"scale_factor": 2}, f"?directive={directive}"
    if KINDS[kind].output == "video":
        params |= {"duration": 1, "fps": 4}
    for declared in KINDS[kind].inputs:
        params[declared.param] = link_of(upload_create(user_id=user.pk, path=image, kind="image")) + query
    alias = Route.objects.filter(kind=kind).values_list("alias", flat=True).order_by("pk")[0]
    made = task_create(principal=principal_of(user), kind=kind, offer=f"stargraph/{kind}", alias=alias, params=params)
    return Task.objects.get(pk=made.id)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS_NEW)
def test_fail_refuses_for_good_and_gives_back(kind: str, make_image: MakeImage) -> None:
    user = make_user()
    order(user, kind, "fail", make_image("a.png"))
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "engine_refused", START_CREDITS)
    assert Attempt.objects.filter(task=task).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS_NEW)
def test_fail_2_fails_two_attempts_and_works_at_the_third(kind: str, make_image: MakeImage) -> None:
    user = make_user()
    made = order(user, kind, "fail:2", make_image("a.png"))
    run_all()
    task = Task.objects.get(pk=made.pk)
    assert (task.status, balance(user)) == (TaskState.SUCCEEDED, START_CREDITS - task.cost_credits)
    assert list(Attempt.objects.filter(task=task).order_by("number").values_list("state", flat=True)) == ["failed", "failed", "succeeded"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS_NEW)
def test_sensitive_is_refused_before_it_costs(kind: str, make_image: MakeImage) -> None:
    user = make_user()
    with pytest.raises(SensitiveContent):
        order(user, kind, "sensitive", make_image("a.png"))
    assert (Task.objects.count(), balance(user)) == (0, START_CREDITS)


@pytest.mark.parametrize("kind", KINDS_NEW)
@pytest.mark.parametrize("directive", ["slow:60", "hang"])
def test_slow_and_hang_tell_progress_and_stop_at_its_next_step(
    kind: str, directive: str, engine: BuiltinEngine, make_image: MakeImage, tmp_path: Path
) -> None:
    is_directed = kind in DIRECTED
    given = (EngineInput("image", make_image("a.png"), "image/png", None, f"directive={directive}" if is_directed else ""),)
    params = {} if is_directed else {"prompt": f"a lake [[{directive}]]"}
    stop, told = threading.Event(), []
    began = time.monotonic()

    def progress(percent: float) -> None:
        told.append(percent)
        if len(told) == 2:
            stop.set()

    asked = EngineRequest(Task().uuid, kind, "m", params, given, 1, None)
    status = engine.run(asked, workdir=tmp_path, progress=progress, cancelled=stop.is_set)
    assert (status.state, len(told)) == ("cancelled", 2)
    assert time.monotonic() - began < 30
    assert list(tmp_path.glob("output*")) == []


@pytest.mark.parametrize(("kind", "params"), [
    ("text2img", {"prompt": "a city in the rain", "width": 2048, "height": 2048, "batch_size": 4}),
    ("img2img", {"prompt": "snow", "width": 2048, "height": 2048, "batch_size": 4}),
    ("upscale", {"scale_factor": 4}),
    ("pose", {"prompt": "a forest", "width": 2048, "height": 2048, "batch_size": 4}),
    ("text2video", {"prompt": "a city", "width": 1024, "height": 1024, "duration": 10, "fps": 30}),
    ("img2video", {"prompt": "", "width": 1024, "height": 1024, "duration": 10, "fps": 30}),
])  # fmt: skip
def test_large_work_tells_several_steps_and_stops_within_a_second(
    kind: str, params: dict[str, Any], engine: BuiltinEngine, make_image: MakeImage, tmp_path: Path
) -> None:
    """Measured in this thread's own time, which other work on the machine does not lengthen."""
    given = (EngineInput("image", make_image("a.jpg", (1600, 1600)), "image/jpeg", None),)
    told: list[tuple[float, float]] = []
    asked_at = [0.0]

    def cancelled() -> bool:
        if len(told) < 3:
            return False
        asked_at[0] = asked_at[0] or told[-1][0]
        return True

    asked = EngineRequest(Task().uuid, kind, "m", {"seed": 1, **params}, given, 1, None)
    status = engine.run(asked, workdir=tmp_path, progress=lambda percent: told.append((time.thread_time(), percent)), cancelled=cancelled)
    assert status.state == "cancelled"
    assert time.thread_time() - asked_at[0] < 0.8
    assert [percent for _, percent in told] == sorted(percent for _, percent in told)
    assert max(later[0] - earlier[0] for earlier, later in itertools.pairwise(told)) < 0.8


@pytest.mark.django_db
def test_a_dead_workers_picture_is_made_by_the_second_attempt(make_image: MakeImage, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    made = order(user, "text2img", "fail:0", make_image("a.png"))

    class Dead(BaseException):
        """The worker was killed: nothing after it runs."""

    def killed(*_: Any, **__: Any) -> Any:
        raise Dead

    with monkeypatch.context() as patched:
        patched.setattr(BuiltinEngine, "run", killed)
        task = task_claim(owner_name())
        assert task is not None
        with pytest.raises(Dead):
            task_run(task)
    Task.objects.filter(pk=made.pk).update(lease_until=clock.real_now() - dt.timedelta(seconds=1))
    leases_take_back()
    run_all()
    task = Task.objects.get(pk=made.pk)
    assert (task.status, balance(user)) == (TaskState.SUCCEEDED, START_CREDITS - task.cost_credits)
    assert list(Attempt.objects.filter(task=task).order_by("number").values_list("state", flat=True))[-1] == "succeeded"
    assert Attempt.objects.filter(task=task).count() == 2


def test_a_directive_means_nothing_outside_demo_mode(engine: BuiltinEngine, make_image: MakeImage, tmp_path: Path, settings: Any) -> None:
    given = (EngineInput("image", make_image("a.png"), "image/png", None, "directive=fail"),)
    asked = EngineRequest(Task().uuid, "upscale", "m", {}, given, 1, None)
    with pytest.raises(Rejected):
        engine.run(asked, workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)
    settings.DEMO = False
    assert engine.run(asked, workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False).state == "succeeded"
    settings.DEMO = True
    later = EngineRequest(
        Task().uuid, "upscale", "m", {}, (EngineInput("image", given[0].path, "image/png", None, "directive=fail:1"),), 1, None
    )
    with pytest.raises(Temporary):
        engine.run(later, workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)
