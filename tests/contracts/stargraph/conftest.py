"""People who use the contract, and a worker that is asked to work."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from generation.models import Task
from generation.selectors import routes
from generation.services.claim import owner_name, task_claim
from generation.services.run import task_run
from tests.conftest import UserFactory
from tests.contracts.people import Somebody, signed_in

MakeSomebody = Callable[..., Somebody]


@pytest.fixture(autouse=True)
def _fresh_routes() -> Iterator[None]:
    """No test sees the routes of another."""
    routes.forget()
    yield
    routes.forget()


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages to workers go nowhere: a test works itself."""
    monkeypatch.setattr("generation.dispatch._send", lambda *_: None)


@pytest.fixture
def somebody(user_factory: UserFactory, settings: Any) -> MakeSomebody:
    """Makes people with exactly these credits, in demo mode, with generous limits."""
    settings.DEMO, settings.RATE_LIMITS = True, False
    return lambda **fields: signed_in(user_factory(**{"bonus": 0, **fields}), "stargraph")


def worked() -> Task:
    """A worker ran the next task to its end."""
    task = task_claim(owner_name())
    assert task is not None
    task_run(task)
    return Task.objects.get(pk=task.pk)


def picture(format: str = "PNG", size: tuple[int, int] = (96, 64)) -> bytes:
    """A real image."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, format)
    return file.getvalue()


def painted(colour: str) -> bytes:
    """A real image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "PNG")
    return file.getvalue()


def data_url(content: bytes, content_type: str = "image/png") -> str:
    """The content as clients send it."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"
