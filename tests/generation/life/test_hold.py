"""Per-second kinds: reserved, raised to the real length before any engine, charged by what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from generation.models import Engine, Task
from tests.generation.life.conftest import START_CREDITS, balance, held, make_animation, make_user, run_next
from tests.generation.life.engines import Stub

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(tmp_path: Path, httpserver: HTTPServer) -> str:
    path = tmp_path / "person.png"
    Image.new("RGB", (320, 320), (200, 120, 60)).save(path)
    httpserver.expect_request("/person.png").respond_with_data(path.read_bytes(), content_type="image/png")
    return httpserver.url_for("/person.png")


@pytest.fixture
def video(httpserver: HTTPServer, clip: Callable[[float], Path]) -> Callable[[float], str]:
    def serve(seconds: float) -> str:
        httpserver.expect_request(f"/{seconds}.mp4").respond_with_data(clip(seconds).read_bytes(), content_type="video/mp4")
        return httpserver.url_for(f"/{seconds}.mp4")

    return serve


def told(image: str, how: str) -> str:
    """The image's address with what the stub engine shall do."""
    return f"{image}?how={how}"


def test_the_hold_is_raised_to_the_real_length_and_captured_by_the_output(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    user = make_user()
    make_animation(user, video(8.0), told(image, "secs:7.5"))
    assert (balance(user), held(user)) == (950, 50)
    task = run_next()
    assert task is not None
    assert (task.status, task.params["reserved_s"], task.cost_credits) == ("SUCCEEDED", 8, 80)
    assert (balance(user), held(user)) == (920, 0)


def test_the_rest_of_the_hold_is_released(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    user = make_user()
    make_animation(user, video(3.0), told(image, "secs:2.1"), mode="wan-pro")
    assert held(user) == 70
    task = run_next()
    assert task is not None
    assert (task.status, task.cost_credits) == ("SUCCEEDED", 42)
    assert (balance(user), held(user)) == (START_CREDITS - 42, 0)


def test_never_more_than_the_hold_is_charged(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    user = make_user()
    make_animation(user, video(4.0), told(image, "secs:9"))
    task = run_next()
    assert task is not None
    assert (task.status, task.cost_credits, balance(user), held(user)) == ("SUCCEEDED", 50, 950, 0)


def test_who_cannot_pay_the_real_length_pays_nothing_and_no_engine_hears_of_it(
    stub: Engine, image: str, video: Callable[[float], str]
) -> None:
    Stub.started.clear()
    user = make_user(60)
    make_animation(user, video(8.0), image)
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code) == ("FAILED", "insufficient_credits")
    assert (balance(user), held(user), Stub.started) == (60, 0, [])


def test_longer_than_thirty_seconds_fails_free(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    Stub.started.clear()
    user = make_user()
    make_animation(user, video(31.0), image)
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, balance(user), held(user)) == ("FAILED", "input_invalid", START_CREDITS, 0)
    assert "30 seconds" in task.error_message
    assert Stub.started == []


def test_a_failed_animation_releases_the_raised_hold(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    user = make_user()
    make_animation(user, video(8.0), told(image, "fail"))
    task = run_next()
    assert task is not None
    assert (task.status, balance(user), held(user)) == ("FAILED", START_CREDITS, 0)


def test_a_second_attempt_raises_no_second_time(stub: Engine, image: str, video: Callable[[float], str]) -> None:
    user = make_user()
    task = make_animation(user, video(8.0), told(image, "later:1"))
    assert run_next().status == "PENDING"
    assert held(user) == 80
    Task.objects.filter(pk=task.pk).update(run_after=None)
    assert run_next().status == "SUCCEEDED"
    assert (balance(user), held(user)) == (START_CREDITS - 10, 0)
