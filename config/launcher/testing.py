"""`make test`: pytest beside a throw-away PostgreSQL and Valkey, which are gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from config.launcher.child import Child, Program
from config.launcher.places import ROOT
from config.launcher.postgres import Cluster
from config.launcher.trouble import Trouble
from config.launcher.valkey import Valkey

SECRET = "only-for-tests-0123456789-0123456789-0123456789"  # noqa: S105  of databases that live for one test run
PASSWORD = "throw-away"  # noqa: S105


class ThrowAway:
    """A folder with a PostgreSQL that never waits for the disk and a Valkey without persistence; gone when left."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="atelier-test-"))
        self.cluster = Cluster(self.folder / "pg", self.folder / "s", self.folder / "postgres.log", throw_away=True)
        self.valkey = Valkey(self.folder / "valkey", self.folder / "v" / "sock", PASSWORD, self.folder / "valkey.log", throw_away=True)
        self.children: list[Child] = []

    def __enter__(self) -> ThrowAway:
        try:
            self.cluster.create()
            self.valkey.create()
            self._start(self.valkey.program(self.folder), self.valkey.answers)
            self._start(self.cluster.program(self.folder), self.cluster.answers)
            self.cluster.database_create()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self, program: Program, answers: Callable[[], bool]) -> None:
        child = Child(program, self.folder / f"{program.name}.pid")
        self.children.append(child)
        child.start()
        deadline = time.monotonic() + 30
        while not answers():
            if child.has_ended() or time.monotonic() > deadline:
                raise Trouble(f"{program.name} did not start: {child.last_words()}")
            time.sleep(0.05)

    def environment(self) -> dict[str, str]:
        """What pytest and everything it starts must know."""
        return {
            "DATABASE_URL": self.cluster.url(),
            "REDIS_URL": self.valkey.url(),
            "CELERY_BROKER_URL": "",
            "SECRET_KEY": SECRET,
            "DATA_DIR": str(self.folder / "data"),
            "STORAGE_URL": f"file://{self.folder / 'data' / 'media'}",
            "DEMO": "1",
            "TEST_SERVICES": "own",
        }

    def close(self) -> None:
        """Both servers have ended and the folder is gone."""
        for child in reversed(self.children):
            child.stop_begin()
            while not child.stop_continue():
                time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()


def test(arguments: Sequence[str]) -> int:
    """pytest has run with `arguments` beside throw-away services; its exit code. Raises Trouble."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ThrowAway() as services:
        (services.folder / "data").mkdir()
        environment = {**os.environ, **services.environment(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
        try:
            return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment, check=False).returncode
        except KeyboardInterrupt:
            return 130
