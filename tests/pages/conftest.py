"""Readers of the pages: signed in through the sign-in page itself, with tasks and films on their bench."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import translation

from accounts.models import User
from config.kernel import clock, ids
from config.launcher.messages import compile_all
from credits.selectors.wallet import balance_of
from generation.models import Asset, Task
from generation.selectors import routes
from generation.services.task_create import task_create
from operations.models import ShowcaseVideo
from tests.conftest import UserFactory

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _catalogues() -> None:
    """The compiled catalogues are those of the texts."""
    compile_all(django_settings.BASE_DIR)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No worker is woken; no test sees the routes of another."""
    routes.forget()
    monkeypatch.setattr("generation.dispatch._send", lambda *message: None)
    yield
    routes.forget()


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """No test speaks the language of another."""
    translation.deactivate()
    yield
    translation.deactivate()


class Reader:
    """A person with a browser that keeps cookies."""

    def __init__(self, user: User, **options: Any) -> None:
        self.user = user
        self.client = Client(raise_request_exception=False, **options)

    @property
    def balance(self) -> int:
        """Credits that can be spent."""
        return balance_of(self.user.pk).available

    def sign_in(self) -> Reader:
        """Through the door."""
        answer = self.client.post("/sign-in?way=password", {"username": self.user.username, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()
        return self

    def tasks(self) -> list[Task]:
        """The person's tasks, newest first."""
        return list(Task.objects.filter(user=self.user).order_by("-pk"))


@pytest.fixture
def reader(user_factory: UserFactory) -> Callable[..., Reader]:
    """Makes people with exactly these credits, signed in."""

    def make(**fields: Any) -> Reader:
        user = user_factory(f"reader{next(_numbers)}", **{"bonus": 100, "password": PASSWORD, **fields})
        return Reader(user).sign_in()

    return make


def asset(user: User, *, kind: str = "video", public: bool = False, width: int = 1280, height: int = 720) -> Asset:
    """A row of a file with a thumbnail; no page reads the bytes."""
    number = next(_numbers)
    small = _asset(user, f"thumbnails/{number}.jpg", "thumbnail", "image", 320, 180, public)
    extension = "mp4" if kind == "video" else "png"
    row = _asset(user, f"outputs/{number}.{extension}", "output", kind, width, height, public)
    row.thumbnail = small
    row.duration_ms = 5000 if kind == "video" else None
    row.save()
    return row


def _asset(user: User, key: str, source: str, kind: str, width: int, height: int, public: bool) -> Asset:
    return Asset.objects.create(
        user=user, storage_key=key, source=source, kind=kind, content_type="video/mp4" if kind == "video" else "image/jpeg",
        size_bytes=10, sha256=b"0" * 32, width=width, height=height, is_public=public, created_at=clock.now(), used_at=clock.now(),
    )  # fmt: skip


def order(user: User, prompt: str = "A quiet harbour", **params: Any) -> Task:
    """A task ordered and paid through the real service."""
    principal = _principal(user)
    chosen = {"prompt": prompt, "quality": "standard", "aspect_ratio": "landscape", **params}
    made = task_create(principal=principal, kind="text-to-video", offer="video/text-to-video", alias="sora2", params=chosen)
    return Task.objects.get(pk=made.id)


def _principal(user: User) -> Any:
    from config.kernel.principal import Principal

    return Principal(user_id=user.pk, user_uuid=user.uuid, session_id=ids.public_uuid())


def in_state(task: Task, status: str, **more: Any) -> Task:
    """The row as a worker would leave it, for looking at: no page asks how it came about."""
    now = clock.real_now()
    times = {"started_at": now - dt.timedelta(seconds=30)} if status != "PENDING" else {}
    ended = {"completed_at": now} if status not in {"PENDING", "RUNNING"} else {}
    Task.objects.filter(pk=task.pk).update(status=status, **times, **ended, **more)
    task.refresh_from_db()
    return task


@pytest.fixture
def films(user_factory: UserFactory) -> list[ShowcaseVideo]:
    """Three films in the showcase, one of them tall."""
    owner = user_factory("curator", bonus=0)
    rows = [("海边", "By the sea", 1280, 720), ("塔", "Tower", 720, 1280), ("茶", "Tea", 720, 720)]
    return [
        ShowcaseVideo.objects.create(
            title=title, title_en=english, description=f"{title}。", video=asset(owner, public=True, width=width, height=height),
            tags=["sea"] if title == "海边" else ["calm"], display_order=10 - place, created_at=clock.now(),
        )
        for place, (title, english, width, height) in enumerate(rows)
    ]  # fmt: skip
