"""A worker carries image tasks to their end: every output stored in order, the price taken once, the seed kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from config.kernel import clock
from config.kernel.errors import InvalidInput
from generation import storage
from generation.api.stargraph.render import detailed
from generation.engines.base import EngineOutput, EngineStatus, NoCapacity
from generation.engines.builtin.adapter import BuiltinEngine
from generation.exceptions import EngineBusy, EngineUnavailable, TaskNotFound
from generation.exceptions_media import PictureTooLarge
from generation.kinds import KINDS, VIDEO_LIMIT_BYTES
from generation.models import Asset, Attempt, Engine, Route, Task
from generation.selectors import routes
from generation.selectors.named import outputs_of
from generation.services import input as input_service
from generation.services.asset import asset_create_from_path, asset_sweep_orphans
from generation.services.claim import owner_name, task_claim
from generation.services.late import late_drop, late_keep, late_take
from generation.services.life import task_move
from generation.services.link import link_of
from generation.services.retry import task_retry
from generation.services.run import task_run
from generation.services.settle import OVERDUE
from generation.services.task_create import task_create
from generation.services.upload import upload_create
from generation.states import TaskState
from generation.web.wording import TROUBLE
from tests.generation.life.conftest import START_CREDITS, balance, events, make_user, principal_of, run_all, run_next
from tests.generation.media.conftest import MakeImage

pytestmark = pytest.mark.django_db
NEW = ("text2img", "img2img", "upscale", "pose", "text2video", "img2video")


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


def make(user: Any, kind: str = "text2img", **params: Any) -> Task:
    alias = Route.objects.filter(kind=kind).values_list("alias", flat=True).order_by("pk")[0]
    told = {"prompt": "a garden", "width": 64, "height": 64, **params} if kind != "upscale" else params
    created = task_create(principal=principal_of(user), kind=kind, offer=f"stargraph/{kind}", alias=alias, params=told)
    return Task.objects.get(pk=created.id)


def outputs(task: Task) -> list[Asset]:
    return list(Asset.objects.filter(task=task, source="output").order_by("pk"))


def test_a_batch_is_stored_in_order_with_thumbnails_and_paid_once() -> None:
    user = make_user()
    make(user, batch_size=3, seed=11)
    task = run_next()
    assert task is not None
    assert task.status == TaskState.SUCCEEDED
    found = outputs(task)
    assert [asset.pk for asset in found][:1] == [task.output_id]
    assert [(asset.kind, asset.content_type, asset.width, asset.height) for asset in found] == [("image", "image/png", 64, 64)] * 3
    assert all(asset.thumbnail is not None and asset.used_at is not None for asset in found)
    assert (task.cost_credits, balance(user)) == (30, START_CREDITS - 30), "a price a picture"
    assert events(user) == ["task.created", "task.started", "task.completed"]
    make(user, seed=13)
    alone = run_next()
    assert alone is not None
    assert bytes(outputs(alone)[0].sha256) == bytes(found[2].sha256), "the third is what its own seed makes"


def test_a_seed_that_was_left_to_us_is_kept_and_makes_the_same_picture_again() -> None:
    user = make_user()
    make(user, seed=-1)
    task = run_next()
    assert task is not None
    seed = task.params["seed"]
    assert 0 <= seed < 2**32
    assert seed == int.from_bytes(hashlib.sha256(task.uuid.bytes).digest()[:4])
    make(user, seed=seed)
    again = run_next()
    assert again is not None
    assert again.params["seed"] == seed
    assert bytes(outputs(again)[0].sha256) == bytes(outputs(task)[0].sha256)


def test_a_second_attempt_has_the_seed_of_the_first() -> None:
    make(make_user(), prompt="a garden [[fail:1]]", seed=-1)
    first = run_next()
    assert first is not None
    assert first.status == TaskState.PENDING
    run_all()
    task = Task.objects.get(pk=first.pk)
    assert (task.status, task.params["seed"]) == (TaskState.SUCCEEDED, first.params["seed"])


def test_a_retry_of_a_task_whose_seed_was_left_to_us_draws_another(monkeypatch: pytest.MonkeyPatch) -> None:
    user, seeds = make_user(), []
    make(user, prompt="a garden [[fail]]", seed=-1)
    for _ in range(2):
        task = run_next()
        assert task is not None
        assert task.status == TaskState.FAILED
        assert detailed(task, [])["parameters"] == {"modelName": task.alias, "width": 64, "height": 64, "seed": task.params["seed"]}
        seeds.append(task.params["seed"])
        again = task_retry(principal=principal_of(user), task_uuid=task.uuid)
        assert Task.objects.get(pk=again.id).params["seed"] == -1
    assert len(set(seeds)) == 2


def test_a_retry_keeps_a_seed_that_the_client_named() -> None:
    user = make_user()
    make(user, prompt="a garden [[fail]]", seed=5)
    task = run_next()
    assert task is not None
    again = task_retry(principal=principal_of(user), task_uuid=task.uuid)
    assert Task.objects.get(pk=again.id).params["seed"] == 5


def test_an_engine_without_room_for_it_three_times_ends_the_task_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> EngineStatus:
        raise NoCapacity("no GPU")

    monkeypatch.setattr(BuiltinEngine, "run", full)
    user = make_user()
    made = make(user)
    run_all()
    task = Task.objects.get(pk=made.pk)
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "engine_busy", START_CREDITS)
    assert (Attempt.objects.filter(task=task).count(), detailed(task, [])["error"]["code"]) == (3, "E007")
    assert "engine_busy" in TROUBLE


def test_a_foreign_picture_that_would_become_too_large_fails_free(httpserver: Any, make_image: MakeImage) -> None:
    httpserver.expect_request("/wide.png").respond_with_data(make_image("w.png", (2056, 16)).read_bytes(), content_type="image/png")
    user = make_user()
    make(user, "upscale", image_url=httpserver.url_for("/wide.png"), scale_factor=4)
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "picture_too_large", START_CREDITS)
    assert "8224" in task.error_message
    assert detailed(task, [])["error"]["code"] == "E005"
    assert not Attempt.objects.filter(task=task).exists()


def test_the_callers_own_picture_that_would_become_too_large_is_refused_before_it_costs(make_image: MakeImage) -> None:
    user = make_user()
    for size, factor in (((2056, 16), 4), ((4104, 16), 2), ((2000, 2000), 4)):
        link = link_of(upload_create(user_id=user.pk, path=make_image("w.png", size), kind="image"))
        with pytest.raises(PictureTooLarge, match="at most 8192 a side and 50 megapixels"):
            make(user, "upscale", image_url=link, scale_factor=factor)
    assert (Task.objects.count(), balance(user), events(user)) == (0, START_CREDITS, [])
    link = link_of(upload_create(user_id=user.pk, path=make_image("t.png", (2048, 16)), kind="image"))
    assert make(user, "upscale", image_url=link, scale_factor=4).status == TaskState.PENDING


def test_a_resting_engine_refuses_before_it_costs_and_one_that_is_off_otherwise() -> None:
    user, engines = make_user(), Engine.objects.filter(routes__kind="text2img")
    for changed, refusal in (
        ({"broken_until": clock.real_now() + dt.timedelta(minutes=1)}, EngineBusy),
        ({"is_enabled": False}, EngineUnavailable),
    ):
        Engine.objects.filter(pk__in=engines.values("pk")).update(**changed)
        routes.forget()
        with pytest.raises(refusal):
            make(user)
    assert (Task.objects.count(), balance(user), events(user)) == (0, START_CREDITS, [])


@pytest.mark.parametrize("kind", NEW)
def test_every_kind_has_a_route_and_comes_to_its_end(kind: str, make_image: MakeImage) -> None:
    user = make_user()
    asset = upload_create(user_id=user.pk, path=make_image("a.png"), kind="image")
    links = {declared.param: link_of(asset) for declared in KINDS[kind].inputs}
    make(user, kind, **links, **({"duration": 1} if KINDS[kind].output == "video" else {}))
    task = run_next()
    assert task is not None
    assert (task.status, task.error_message) == (TaskState.SUCCEEDED, "")
    (found,) = outputs(task)
    assert found.kind == KINDS[kind].output
    with storage.reading(found.storage_key) as file:
        assert hashlib.sha256(file.read()).digest() == bytes(found.sha256)


def test_a_parameter_beyond_the_limits_makes_and_costs_nothing() -> None:
    user = make_user()
    with pytest.raises(InvalidInput) as refused:
        make(user, batch_size=9, width=2056)
    assert {error.loc[-1] for error in refused.value.errors} == {"batch_size", "width"}
    assert (Task.objects.count(), balance(user), events(user)) == (0, START_CREDITS, [])


def test_a_refusal_gives_everything_back_and_stores_nothing() -> None:
    user = make_user()
    make(user, prompt="a garden [[fail]]", batch_size=2)
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "engine_refused", START_CREDITS)
    assert outputs(task) == []


def test_one_bad_file_of_a_batch_leaves_none(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    files = (make_image("good.png"), tmp_path / "bad.png")
    status = EngineStatus("succeeded", 100.0, tuple(EngineOutput(path, None, "image/png") for path in files))
    monkeypatch.setattr(BuiltinEngine, "run", lambda *_, **__: status)
    user = make_user()
    made = make(user, batch_size=2)
    run_all()
    task = Task.objects.get(pk=made.pk)
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "engine_failed", START_CREDITS)
    assert Attempt.objects.filter(task=task).count() == 3
    assert Asset.objects.filter(task=task).count() == 0, "thumbnails neither"


def test_fewer_files_than_were_ordered_are_no_success(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage) -> None:
    status = EngineStatus("succeeded", 100.0, tuple(EngineOutput(make_image(name), None, "image/png") for name in ("a.png", "b.png")))
    monkeypatch.setattr(BuiltinEngine, "run", lambda *_, **__: status)
    user = make_user()
    made = make(user, batch_size=3)
    run_all()
    task = Task.objects.get(pk=made.pk)
    assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, "engine_failed", START_CREDITS)
    assert [attempt.verdict for attempt in Attempt.objects.filter(task=task)] == [
        "invalid output: This file cannot be used: the engine made 2 of 3 files."
    ] * 3
    assert not Asset.objects.filter(task=task).exists()


def test_what_a_worker_stored_before_it_was_killed_is_no_result_and_is_swept(make_image: MakeImage) -> None:
    user = make_user()
    task = make(user, batch_size=2, seed=3)
    stray = asset_create_from_path(user_id=user.pk, path=make_image("stray.png"), source=Asset.Source.OUTPUT, task_id=task.pk)
    ended = run_next()
    assert ended is not None
    assert ended.status == TaskState.SUCCEEDED
    assert [asset.pk for asset in results(ended)] == [asset.pk for asset in outputs(ended) if asset.pk != stray.pk]
    assert len(results(ended)) == 2
    made = {asset.pk for asset in results(ended)}
    Asset.objects.filter(task=task).update(created_at=clock.now() - dt.timedelta(days=2))
    assert asset_sweep_orphans() == 1
    assert {asset.pk for asset in outputs(ended)} == made
    assert not storage.exists(stray.storage_key)


def late_batch(user: Any, monkeypatch: pytest.MonkeyPatch, paths: list[Path]) -> Task:
    """A task of a batch that was refunded while its engine worked, and then delivered."""
    made = make(user, batch_size=len(paths))

    def late(*_: Any, **__: Any) -> EngineStatus:
        task_move(task_id=made.pk, to=TaskState.TIMEOUT, trouble=OVERDUE)
        return EngineStatus("succeeded", 100.0, tuple(EngineOutput(path, None, "image/png") for path in paths))

    monkeypatch.setattr(BuiltinEngine, "run", late)
    task = task_claim(owner_name())
    assert task is not None
    task_run(task)
    return Task.objects.get(pk=made.pk)


def results(task: Task) -> list[Asset]:
    return outputs_of(user_id=task.user_id, task_ids=[task.pk])[task.pk]


def test_a_batch_that_comes_after_the_refund_is_kept_and_taken_as_a_whole(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage) -> None:
    user = make_user()
    task = late_batch(user, monkeypatch, [make_image(f"{number}.png", (64, 48 + number)) for number in range(3)])
    attempt = Attempt.objects.get(task=task)
    assert (task.status, balance(user), attempt.state, attempt.verdict) == (TaskState.TIMEOUT, START_CREDITS, "succeeded", "late")
    assert [asset.height for asset in outputs(task)] == [48, 49, 50]
    assert attempt.late_asset == outputs(task)[0]
    assert results(task) == [], "no result before it is paid"
    assert detailed(task, results(task))["error"]["code"] == "E008"
    for _ in range(2):
        late_take(user_id=user.pk, task_uuid=task.uuid)
        assert balance(user) == START_CREDITS - 30, "the whole batch at the quoted price, once"
    assert results(task) == outputs(task)
    with pytest.raises(TaskNotFound):
        late_drop(user_id=user.pk, task_uuid=task.uuid)
    assert len(outputs(task)) == 3


def test_a_late_batch_that_is_let_go_leaves_no_file(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage) -> None:
    user = make_user()
    task = late_batch(user, monkeypatch, [make_image("a.png"), make_image("b.png")])
    keys = list(Asset.objects.filter(task=task).values_list("storage_key", flat=True))
    assert len(keys) == 4, "thumbnails too"
    late_drop(user_id=user.pk, task_uuid=task.uuid)
    assert (Asset.objects.filter(task=task).count(), [key for key in keys if storage.exists(key)]) == (0, [])
    assert (balance(user), Attempt.objects.get(task=task).late_choice) == (START_CREDITS, "dropped")


def test_letting_go_that_is_cut_off_is_ended_by_the_sweep(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage) -> None:
    user = make_user()
    task = late_batch(user, monkeypatch, [make_image("a.png"), make_image("b.png")])
    with monkeypatch.context() as cut:
        cut.setattr("generation.services.late.asset_delete", lambda **_: (_ for _ in ()).throw(OSError("the storage is gone")))
        with pytest.raises(OSError, match="gone"):
            late_drop(user_id=user.pk, task_uuid=task.uuid)
    Asset.objects.filter(task=task).update(created_at=clock.now() - dt.timedelta(days=2))
    assert (asset_sweep_orphans(), Asset.objects.filter(task=task).count()) == (2, 0)


def test_a_second_late_copy_is_of_no_use(monkeypatch: pytest.MonkeyPatch, make_image: MakeImage) -> None:
    user = make_user()
    task = late_batch(user, monkeypatch, [make_image("a.png"), make_image("b.png")])
    kept = outputs(task)
    again = Attempt.objects.create(task=task, number=2, engine_id=Attempt.objects.get(task=task).engine_id, sent_at=clock.real_now())
    assert not late_keep(attempt=again, assets=kept)
    assert (outputs(task), Attempt.objects.filter(late_asset__isnull=False).count()) == (kept, 1)


def test_what_is_no_image_or_too_large_fails_free_by_its_bytes(
    httpserver: Any, monkeypatch: pytest.MonkeyPatch, make_image: MakeImage
) -> None:
    httpserver.expect_request("/page.png").respond_with_data("<html>", content_type="image/png")
    httpserver.expect_request("/large.png").respond_with_data(make_image("l.png", (900, 900)).read_bytes() + b"x" * 1_100_000)
    monkeypatch.setitem(input_service.LIMITS_BYTES, "image", 2**20)
    for path, code in (("/page.png", "input_invalid"), ("/large.png", "file_too_large")):
        user = make_user()
        make(user, "img2img", image_url=httpserver.url_for(path))
        task = run_next()
        assert task is not None
        assert (task.status, task.error_code, balance(user)) == (TaskState.FAILED, code, START_CREDITS)
        assert code in TROUBLE, "the pages have words for it"
        assert not Attempt.objects.filter(task=task).exists()


def test_limits_are_data_of_the_kind() -> None:
    told = {"width": 2048, "height": 64, "steps": 150, "batch_size": 8, "seed": -1, "cfg_scale": 7.5}
    assert KINDS["text2img"].breaches(told) == {}
    for name, value in (("width", 2056), ("width", 60), ("width", 100), ("steps", 0), ("batch_size", 9), ("steps", 1.5), ("seed", True)):
        assert list(KINDS["text2img"].breaches({**told, name: value})) == [name]
    assert KINDS["text2video"].breaches({"fps": 31, "duration": 11}) == {
        "fps": "must be from 1 to 30",
        "duration": "must be from 1 to 10",
    }
    assert KINDS["upscale"].breaches({"scale_factor": 3}) == {"scale_factor": "must be 2 or 4"}
    assert KINDS["animate-mix"].inputs[1].limit_bytes == VIDEO_LIMIT_BYTES


def test_an_output_is_a_picture_that_opens() -> None:
    make(make_user(), seed=1)
    task = run_next()
    assert task is not None
    assert task.output is not None
    with storage.reading(task.output.storage_key) as file, Image.open(file) as image:
        assert (image.format, image.size) == ("PNG", (64, 64))
