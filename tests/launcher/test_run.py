"""The whole platform as `make run` starts it: ready, demo data, clean end, kill -9, start again."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.launcher.child import start_ticks
from config.launcher.places import ROOT
from tests.harness import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class Run:
    """One data folder and the supervisor on it."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.process: subprocess.Popen[str] | None = None

    def start(self, **extra: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(self.data),
            "PORT": str(self.port),
            **extra,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.launcher", "run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def wait_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.status("/readyz") != 200:
            assert self.process is not None
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.1)

    def wait_announced(self) -> None:
        assert self.process is not None
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                return
        raise AssertionError("it ended without being ready")

    def status(self, path: str, host: str = "") -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": host} if host else {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def pids(self) -> dict[str, int]:
        return {path.stem: int(path.read_text().split()[0]) for path in (self.data / "run").glob("*.pid")}

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.stdout.read()
        return self.process.wait(60)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    running = Run(tmp_path_factory.mktemp("run") / "var")
    running.start(DEMO_PASSWORD="only-a-test-1")
    running.wait_announced()
    yield running
    if running.process and running.process.poll() is None:
        running.stop()


def test_is_ready_with_demo_data(run: Run) -> None:
    assert run.status("/readyz") == 200
    demo = run.data / "demo.json"
    assert stat.S_IMODE(demo.stat().st_mode) == 0o600
    told = json.loads(demo.read_text())
    assert told["base_url"] == f"http://127.0.0.1:{run.port}"
    assert told["operator"] == {"username": "operator", "password": "only-a-test-1"}
    assert len(told["users"]) >= 3
    assert all(set(user) == {"username", "password", "phone", "api_key", "webhook_secret"} for user in told["users"])


def test_answers_loopback_hosts_only(run: Run) -> None:
    assert run.status("/healthz") == 200
    assert run.status("/", host="evil.example") == 400
    assert run.status("/api/v1/events", host="evil.example") == 400
    assert run.status("/api/v1/events") == 401


def test_a_second_one_on_the_same_data_is_refused(run: Run) -> None:
    other = Run(run.data)
    other.start()
    text = other.process.communicate(timeout=180)[0]
    assert other.process.returncode == 1
    assert "already running" in text
    assert run.status("/readyz") == 200


def test_a_taken_port_is_named(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "var")
    other.port = run.port
    other.start()
    text = other.process.communicate(timeout=180)[0]
    assert other.process.returncode == 1
    assert text.count("\n") == 1
    assert str(run.port) in text


def test_demo_needs_a_loopback_address(tmp_path: Path) -> None:
    other = Run(tmp_path / "var")
    other.start(HOST="0.0.0.0")
    text = other.process.communicate(timeout=180)[0]
    assert other.process.returncode == 1
    assert "loopback" in text


def test_a_dead_child_is_started_again(run: Run) -> None:
    before = run.pids()
    os.kill(before["postgres"], signal.SIGKILL)
    os.kill(before["web"], signal.SIGKILL)
    deadline = time.monotonic() + 180
    while run.status("/readyz") != 200 or run.pids().get("postgres") == before["postgres"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert run.pids()["web"] != before["web"]


def test_ends_cleanly_and_starts_again_after_kill(run: Run) -> None:
    told = (run.data / "demo.json").read_text()
    before = run.pids()
    assert run.stop(signal.SIGTERM) == 0
    assert all(start_ticks(pid) is None for pid in before.values())

    run.start()
    run.wait_announced()
    assert (run.data / "demo.json").read_text() == told
    before = run.pids()
    assert {"postgres", "valkey", "web", "worker", "beat"} <= set(before)
    run.process.kill()
    run.process.wait()

    run.start()
    run.wait_announced()
    assert run.status("/readyz") == 200
    assert all(start_ticks(pid) is None for pid in before.values())
    assert run.stop(signal.SIGINT) == 0


def test_production_refuses_the_demos_data(run: Run) -> None:
    if run.process.poll() is None:
        run.stop()
    run.start(DEMO="0")
    text = run.process.communicate(timeout=180)[0]
    assert run.process.returncode == 1
    assert "production refuses it" in text
