"""Users with credits, tasks made by the real service, and engines whose behaviour a test chooses."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Event, User
from config.kernel import clock
from config.kernel.principal import Principal
from config.kernel.sql import fetch_one
from credits.models import Campaign
from generation.engines import registry
from generation.models import Engine, Route, Task
from generation.selectors import routes
from generation.services.claim import owner_name, task_claim
from generation.services.run import task_run
from generation.services.task_create import task_create
from tests.generation.life.engines import film

_numbers = itertools.count(1)
START_CREDITS = 1_000


@pytest.fixture(autouse=True)
def _fresh_routes() -> Iterator[None]:
    """No test sees the routes of another."""
    routes.forget()
    yield
    routes.forget()


@pytest.fixture(autouse=True)
def _no_broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Messages to workers are collected, not sent, unless the test asks for the `broker`."""
    sent: list[tuple[Any, ...]] = []
    if "broker" not in request.fixturenames:
        monkeypatch.setattr("generation.dispatch._send", lambda *message: sent.append(message))
    return sent


@pytest.fixture
def sent(_no_broker: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The messages that were sent to workers."""
    return _no_broker


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """A small real video of so many seconds."""
    folder, made = tmp_path_factory.mktemp("clips"), dict[float, Path]()

    def make(seconds: float) -> Path:
        if seconds not in made:
            made[seconds] = film(folder / f"{seconds}.mp4", seconds)
        return made[seconds]

    return make


def make_user(credits: int = START_CREDITS) -> User:
    """A user with bonus credits out of a campaign, without the services of sign-up."""
    number = next(_numbers)
    user = User.objects.create_user(f"life-{number}-{clock.real_now().timestamp()}", created_at=clock.now())
    fetch_one("select 1 from credits_wallet_open(%s::bigint)", (user.pk,))
    if credits:
        Campaign.objects.get_or_create(slug="life", defaults={"title": "Life", "budget_credits": 10**9, "remaining_credits": 10**9})
        fetch_one(
            "select 1 from credits_grant(%s::bigint, %s::text, 'x'::bytea, 'gift'::text, 'life'::text, 0::bigint, %s::bigint, 'campaign:life'::text, %s::timestamptz)",
            (user.pk, f"life-{number}", credits, clock.now()),
        )
    return user


def principal_of(user: User) -> Principal:
    return Principal(user.pk, user.uuid)


def make_task(
    user: User, prompt: str = "a fox", *, kind: str = "text-to-video", alias: str = "sora2", webhook_url: str = "", **params: Any
) -> Task:
    """A PENDING task, made and paid by the real service."""
    if not kind.startswith("animate"):
        params = {"prompt": prompt, "quality": "standard", "aspect_ratio": "landscape", **params}
    created = task_create(
        principal=principal_of(user), kind=kind, offer=f"video/{kind}", alias=alias, params=params, webhook_url=webhook_url
    )
    return Task.objects.get(pk=created.id)


def make_animation(user: User, video_url: str, image_url: str, mode: str = "wan-std") -> Task:
    """A PENDING per-second task."""
    return make_task(
        user, kind="animate-move", alias="wan2.2-animate", video_url=video_url, image_url=image_url, mode=mode, check_image=True
    )


def balance(user: User) -> int:
    """What the user may spend."""
    row: int = fetch_one("select (paid + bonus)::bigint as free from credits_wallet where user_id = %s", (user.pk,)).free
    return row


def held(user: User) -> int:
    """What is set apart."""
    row: int = fetch_one("select (held_paid + held_bonus)::bigint as held from credits_wallet where user_id = %s", (user.pk,)).held
    return row


def events(user: User) -> list[str]:
    """The kinds of what happened to the user's tasks, in order."""
    return list(Event.objects.filter(user=user, kind__startswith="task.").order_by("number").values_list("kind", flat=True))


def use_engine(adapter: str, *, concurrency: int = 5, **fields: Any) -> Engine:
    """The one engine of every route from now on; the built-in one is off."""
    Engine.objects.update(is_enabled=False)
    engine = Engine.objects.create(name=f"{adapter}-{next(_numbers)}", adapter=adapter, concurrency=concurrency, **fields)
    for kind, alias in Route.objects.values_list("kind", "alias").distinct():
        Route.objects.create(kind=kind, alias=alias, engine=engine)
    routes.forget()
    return engine


def run_next() -> Task | None:
    """A worker claims the next task and runs it; the task as it stands then."""
    task = task_claim(owner_name())
    if task is None:
        return None
    task_run(task)
    return Task.objects.get(pk=task.pk)


def run_all(most: int = 20) -> None:
    """A worker runs whatever can start, back-offs skipped, until nothing waits."""
    for _ in range(most):
        Task.objects.filter(status="PENDING").update(run_after=None)
        if run_next() is None:
            return


def past(seconds: float) -> dt.datetime:
    """So many seconds ago, real time."""
    return clock.real_now() - dt.timedelta(seconds=seconds)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """All works at the same moment, each in a thread (and database connection) of its own; results or exceptions in order."""
    from django.db import connection

    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            gate.wait(timeout=20)
            results[place] = work()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch, clip: Callable[[float], Path]) -> None:
    """The engines of tests: `stub` works here as its prompt says, `afar` elsewhere, `kie` is the real adapter."""
    from tests.generation.life import engines

    monkeypatch.setattr(engines, "clip_of", clip)
    monkeypatch.setitem(registry.ADAPTERS, "stub", "tests.generation.life.engines:Stub")
    monkeypatch.setitem(registry.ADAPTERS, "afar", "tests.generation.life.engines:Afar")
    monkeypatch.setitem(registry.ADAPTERS, "kie", "generation.engines.kie.adapter:KieEngine")


@pytest.fixture
def stub(db: None, adapters: None) -> Engine:
    """Every route leads to an engine inside the worker."""
    return use_engine("stub")


@pytest.fixture
def busy(committed_db: Any, adapters: None) -> Engine:
    """Every route leads to an engine inside the worker; transactions commit."""
    return use_engine("stub")


@pytest.fixture
def afar(db: None, adapters: None) -> Iterator[Engine]:
    """Every route leads to an engine elsewhere."""
    from tests.generation.life.engines import Afar

    Afar.reset()
    yield use_engine("afar")
    Afar.reset()
