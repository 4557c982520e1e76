"""The launcher's parts: places, pid files, leftovers, PostgreSQL's identities."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from config.launcher.binaries import postgres_folders
from config.launcher.child import Child, Program, session_members, start_ticks, stop_leftover
from config.launcher.places import ROOT, places_here, socket_folder
from config.launcher.postgres import Cluster, identity_of_nobody
from config.launcher.trouble import Trouble


def program(tmp_path: Path, *command: str, **extra: object) -> Program:
    return Program("sleeper", command, dict(os.environ), tmp_path / "sleeper.log", tmp_path, **extra)  # type: ignore[arg-type]


def test_secrets_are_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    first, second = places_here(is_demo_default=True), places_here(is_demo_default=True)
    assert first.secrets == second.secrets
    assert len(first.secrets["secret_key"]) >= 48
    assert stat.S_IMODE((tmp_path / "var" / "secrets.json").stat().st_mode) == 0o600


def test_a_long_path_gets_a_short_socket_folder(tmp_path: Path) -> None:
    assert socket_folder(Path("/srv/x")) == Path("/srv/x/run")
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    short = socket_folder(deep)
    assert len(str(short)) < 60
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert socket_folder(deep) == short
    short.rmdir()


@pytest.mark.parametrize("text", ["", "http", "0", "70000", "-1"])
def test_refuses_a_port_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PORT", text)
    if not text:
        assert places_here(is_demo_default=True).port == 8000
        return
    with pytest.raises(Trouble, match="is not a port"):
        places_here(is_demo_default=True)


def test_stops_what_a_killed_run_left(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "sleep", "60"), tmp_path / "sleeper.pid")
    child.start()
    assert child.process is not None
    assert stop_leftover(child.pid_file, [signal.SIGTERM], 30)
    assert child.process.wait(30) == -signal.SIGTERM
    assert not child.pid_file.exists()


def test_leaves_a_stranger_with_the_same_pid_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        ticks = start_ticks(stranger.pid)
        assert ticks is not None
        pid_file = tmp_path / "sleeper.pid"
        pid_file.write_text(f"{stranger.pid} {ticks - 1}")
        assert not stop_leftover(pid_file, [signal.SIGTERM], 1)
        assert stranger.poll() is None
        stranger.kill()


def test_stops_orphans_whose_leader_is_gone(tmp_path: Path) -> None:
    leader = "import subprocess, os; subprocess.Popen(['sleep', '60']); os.kill(os.getpid(), 9)"
    child = Child(program(tmp_path, sys.executable, "-c", leader), tmp_path / "sleeper.pid")
    child.start()
    assert child.process is not None
    pid = child.process.pid
    child.process.wait(30)
    assert len(session_members(pid)) == 1
    assert stop_leftover(child.pid_file, [signal.SIGTERM], 1)
    deadline = time.monotonic() + 30
    while session_members(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_that_ignores_requests_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child = Child(program(tmp_path, sys.executable, "-c", deaf, patience_s=0.3), tmp_path / "sleeper.pid")
    child.start()
    while "deaf" not in child.last_words():
        time.sleep(0.02)
    child.stop_begin()
    deadline = time.monotonic() + 30
    while not child.stop_continue():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def test_refuses_another_versions_data(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "pg", tmp_path / "s", tmp_path / "pg.log")
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Trouble, match="was made by PostgreSQL 9"):
        cluster.create()
    assert (tmp_path / "pg" / "PG_VERSION").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root needs another identity")
@pytest.mark.slow
def test_runs_as_nobody_in_a_private_folder_of_root(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    identity = identity_of_nobody(postgres_folders()[0])
    cluster = Cluster(tmp_path / "pg", tmp_path / "s", tmp_path / "pg.log", throw_away=True, _identity=identity)
    cluster.create()
    child = Child(cluster.program(tmp_path), tmp_path / "postgres.pid")
    child.start()
    try:
        deadline = time.monotonic() + 60
        while not cluster.answers():
            assert time.monotonic() < deadline, child.last_words()
            time.sleep(0.05)
        cluster.database_create()
        with psycopg.connect(cluster.url()) as connection:
            assert connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'atelier'").fetchone() == ("C.UTF-8",)
    finally:
        child.stop_begin()
        while not child.stop_continue():
            time.sleep(0.05)
    assert child.process is not None
    assert child.process.returncode == 0


@pytest.mark.parametrize(("told", "expected"), [(None, "1048576"), ("4194304", "4194304")])
def test_uvicorn_takes_messages_as_large_as_the_setting_says(told: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "REALTIME_MESSAGE_BYTES"}
    asked = "from config.launcher.supervisor import WEB_FLAGS as flags; print(flags[flags.index('--ws-max-size') + 1])"
    found = subprocess.check_output(
        [sys.executable, "-c", asked], cwd=ROOT, env={**environment, **({"REALTIME_MESSAGE_BYTES": told} if told else {})}, text=True
    )
    assert found.strip() == expected
