"""What clients of the images' contract are told: E005, E007 and E008, a true seed, true sizes."""

from __future__ import annotations

import base64
import datetime as dt
import io
from typing import Any

import pytest
from PIL import Image

from config.kernel import clock
from generation.engines.base import EngineStatus, NoCapacity
from generation.engines.builtin.adapter import BuiltinEngine
from generation.models import Asset, Engine, Task
from generation.selectors import routes
from tests.contracts.stargraph.conftest import MakeSomebody, somebody, worked
from tests.generation.life.conftest import run_all

__all__ = ["somebody"]
pytestmark = pytest.mark.django_db


def data_url(size: tuple[int, int]) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_an_enlargement_beyond_the_limits_is_e005_and_costs_nothing(somebody: MakeSomebody) -> None:
    someone = somebody(bonus=100)
    answer = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url((2056, 16)), "scaleFactor": 4})
    assert (answer.status_code, answer.json()["code"]) == (400, "E005")
    assert Task.objects.count() == 0
    assert someone.client.get("/api/v1/users/balance").json()["data"]["available"] == 100
    answer = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url((2056, 16)), "scaleFactor": 2})
    assert answer.status_code == 200


def test_no_capacity_is_e007_and_says_when_to_come_back(somebody: MakeSomebody) -> None:
    someone = somebody(bonus=100)
    Engine.objects.update(broken_until=clock.real_now() + dt.timedelta(minutes=1))
    routes.forget()
    answer = someone.client.post("/api/v1/generate/text2img", {"prompt": "sea"})
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (503, "E007", "GPU资源不足")
    assert int(answer["Retry-After"]) > 0
    assert Task.objects.count() == 0


def test_a_task_that_found_no_capacity_three_times_tells_e007(somebody: MakeSomebody, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> EngineStatus:
        raise NoCapacity("no GPU")

    monkeypatch.setattr(BuiltinEngine, "run", full)
    someone = somebody(bonus=100)
    name = someone.client.post("/api/v1/generate/text2img", {"prompt": "sea"}).json()["data"]["taskId"]
    run_all()
    shown = someone.client.get(f"/api/v1/tasks/{name}").json()["data"]
    assert (shown["status"], shown["error"]["code"], shown["results"]) == ("FAILED", "E007", [])
    assert someone.client.get("/api/v1/users/balance").json()["data"]["available"] == 100


@pytest.mark.parametrize(("kind", "asked", "format", "size"), [
    ("text2img", {"width": 128, "height": 72}, "PNG", (128, 72)),
    ("text2video", {"width": 128, "height": 72, "duration": 2, "fps": 6}, "MP4", (128, 72)),
])  # fmt: skip
def test_what_is_told_of_a_result_is_true(
    kind: str, asked: dict[str, int], format: str, size: tuple[int, int], somebody: MakeSomebody
) -> None:
    someone = somebody(bonus=100)
    name = someone.client.post(f"/api/v1/generate/{kind}", {"prompt": "sea", **asked}).json()["data"]["taskId"]
    worked()
    shown = someone.client.get(f"/api/v1/tasks/{name}").json()["data"]
    assert 0 <= shown["parameters"]["seed"] < 2**32
    assert "isSeedDrawn" not in shown["parameters"]
    (result,) = shown["results"]
    stored = Asset.objects.get(source="output")
    assert (result["format"], (result["width"], result["height"]), result["size"]) == (format, size, stored.size_bytes)
    assert result.get("duration") == (2 if kind == "text2video" else None)
    assert stored.thumbnail is not None
    assert str(stored.thumbnail.uuid) in result["thumbnailUrl"]
