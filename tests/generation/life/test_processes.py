"""Real processes: a worker killed in the middle of a task, a Redis that goes and comes back while tasks are created."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Installation
from config.kernel import clock
from config.launcher.binaries import valkey_binary
from generation.models import Asset, Attempt, Engine, Task
from tests.generation.life.conftest import balance, events, make_task, make_user, past, use_engine

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Valkey:
    """A Valkey of the test's own on a unix socket, without persistence."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.process = subprocess.Popen([str(valkey_binary()), *options], stdout=subprocess.DEVNULL)
        wait_for(self.socket.exists, 10)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


def wait_for(is_true: Callable[[], Any], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.1)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name short enough for a socket."""
    return tmp_path_factory.mktemp("p")


@pytest.fixture
def valkey(folder: Path) -> Iterator[Valkey]:
    server = Valkey(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def environment(committed_db: Any, valkey: Valkey, clip: Callable[[float], Path]) -> dict[str, str]:
    own = {"REDIS_URL": valkey.url, "DATA_DIR": str(settings.DATA_DIR), "STORAGE_URL": settings.STORAGE_URL, "LIFE_CLIP": str(clip(1.0))}
    return {**os.environ, **committed_db.environment, **own, "DEMO": "1", "SECRET_KEY": settings.SECRET_KEY, "USER_RUNNING_LIMIT": "50"}


@pytest.fixture
def worker(environment: dict[str, str], folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts real Celery workers, each the head of a process group of its own; `beat=True` with the schedule."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*, beat: bool = False) -> subprocess.Popen[bytes]:
        Installation.objects.get_or_create(id=1, defaults={"is_demo": True, "created_at": clock.real_now()})
        command = [sys.executable, "-m", "celery", "-A", "tests.generation.life.app", "worker", "-c", "2", "-l", "WARNING"]
        command += ["--without-gossip", "--without-mingle"]
        command += ["-B", "-s", str(folder / f"beat{len(started)}")] if beat else []
        log = (folder / f"worker{len(started)}.log").open("wb")
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def test_a_killed_workers_task_is_finished_by_another_and_charged_once(
    committed_db: Any, worker: Callable[..., subprocess.Popen[bytes]], adapters: None
) -> None:
    use_engine("stub")
    user = make_user()
    task = make_task(user, "slow:5")
    first = worker(beat=True)
    wait_for(lambda: Task.objects.get(pk=task.pk).progress > 0, 60)
    kill_group(first)
    task.refresh_from_db()
    assert (task.status, Asset.objects.count()) == ("RUNNING", 0)
    owner = task.lease_owner
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))  # thirty seconds pass
    worker(beat=True)
    wait_for(lambda: Task.objects.get(pk=task.pk).status == "SUCCEEDED", 60)
    task.refresh_from_db()
    assert owner
    assert list(Attempt.objects.filter(task=task).order_by("number").values_list("state", "verdict")) == [
        ("lost", "worker lost"),
        ("succeeded", ""),
    ]
    assert balance(user) == 980
    assert events(user) == ["task.created", "task.started", "task.started", "task.completed"]
    assert Asset.objects.filter(source="output").count() == 1


def test_redis_goes_and_comes_back_while_tasks_are_created_and_none_is_lost(
    committed_db: Any, environment: dict[str, str], valkey: Valkey, worker: Callable[..., subprocess.Popen[bytes]], adapters: None
) -> None:
    engine = use_engine("stub")
    Engine.objects.filter(pk=engine.pk).update(concurrency=50)
    user = make_user(10_000)
    running = [worker(beat=True)]

    def all_made() -> bool:
        """A worker that Redis took along (kombu gives up when it dies over an unacknowledged message) is started again, as the launcher does."""
        if running[-1].poll() is not None:
            running.append(worker(beat=True))
        return Task.objects.filter(status="SUCCEEDED").count() == 40

    command = [sys.executable, "-m", "tests.generation.life.creator", str(user.pk), "40", "0.1"]
    creator = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert creator.stdout is not None
    lines = [creator.stdout.readline() for _ in range(10)]
    valkey.kill()
    lines += [creator.stdout.readline() for _ in range(15)]
    valkey.start()
    lines += [creator.stdout.readline() for _ in range(15)]
    assert creator.wait(timeout=30) == 0
    assert len({line.split()[0] for line in lines}) == 40
    assert statistics.median(float(line.split()[1]) for line in lines[10:25]) < 3, "a dead Redis does not hold up who creates"
    wait_for(all_made, 90)
    assert Task.objects.count() == 40
    assert balance(user) == 10_000 - 40 * 20
    assert Attempt.objects.filter(state="succeeded").count() == 40
