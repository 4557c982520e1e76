"""The parent of everything that `make run` starts: it starts, watches, restarts and stops."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from config.launcher.child import Child, Program, end_with_parent, stop_leftover
from config.launcher.places import LOOPBACK, ROOT, Places, write_private
from config.launcher.trouble import Trouble

ENDING = {signal.SIGINT, signal.SIGTERM} | ({signal.SIGHUP} if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else set())
WATCHED = ENDING | {signal.SIGCHLD}
LONGEST_PAUSE_S = 30.0
STEADY_S = 20.0
SERVERS = {"postgres", "valkey"}
WORKER_FLAGS = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
WEB_FLAGS = [
    "--no-access-log",
    "--log-level",
    "warning",
    "--timeout-graceful-shutdown",
    "3",
    "--ws-max-size",
    os.environ.get("REALTIME_MESSAGE_BYTES", str(1024**2)),
    "--no-server-header",
    "--ws-per-message-deflate",
    "false",
    "--http",
    "h11",
]
"""h11 is the parser that sends clients of HTTP/1.0 no chunks."""
LOG_LIMIT_BYTES = 10 * 1024**2


class Stopped(Exception):
    """Somebody asked the supervisor to end."""


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(f"atelier: {text}", flush=True)


@dataclass(slots=True)
class Restart:
    """When a program that died is started again: at once, then after 0.5 s, 1 s, 2 s … 30 s."""

    at: float = 0.0
    pause_s: float = 0.0

    def plan(self, lived_s: float) -> float:
        """The pause before the next start, in seconds; one that had run steadily begins anew."""
        self.pause_s = 0.0 if lived_s > STEADY_S else min(max(0.5, self.pause_s * 2), LONGEST_PAUSE_S)
        self.at = time.monotonic() + self.pause_s
        return self.pause_s


@dataclass(frozen=True, slots=True)
class Parent:
    """The `make` that started the supervisor.

    A SIGINT that is sent to make alone does not reach what it started: make waits for it for ever. But make
    then no longer catches that signal, and that can be seen from here.
    """

    pid: int
    caught: int

    @classmethod
    def of_this_process(cls) -> Parent:
        """The parent and the signals that it catches now."""
        return cls(os.getppid(), _caught_signals(os.getppid()))

    def was_asked_to_end(self) -> bool:
        """True when the parent has stopped catching an ending signal, or is gone."""
        ending = sum(1 << (number - 1) for number in (signal.SIGINT, signal.SIGTERM))
        return os.getppid() != self.pid or bool(self.caught & ~_caught_signals(self.pid) & ending)


def _caught_signals(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)


@dataclass(slots=True)
class Supervisor:
    """Children in the order in which they were started; the last one stops first."""

    places: Places
    children: list[Child] = field(default_factory=list)
    restarts: dict[str, Restart] = field(default_factory=dict)
    parent: Parent | None = None
    _lock: IO[str] | None = None

    def take_over(self, *, with_parent: bool) -> None:
        """This is the one supervisor of the data folder, and signals reach it only where it waits for them. Raises Trouble."""
        if with_parent:
            end_with_parent(signal.SIGTERM)
            self.parent = Parent.of_this_process()
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self._lock = (self.places.run / "supervisor").open("a+")
        deadline = time.monotonic() + 1.0
        while not self._try_lock():
            holder = self._holder()
            if "stopping" in holder:
                deadline = max(deadline, time.monotonic() + 5.0)
            if time.monotonic() > deadline:
                raise Trouble(f"a platform is already running on {self.places.data} (process {holder.split()[0] if holder else '?'})")
            self.wait(0.1)
        self._write_holder("running")

    def _try_lock(self) -> bool:
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _holder(self) -> str:
        return (self.places.run / "supervisor").read_text().strip()

    def _write_holder(self, state: str) -> None:
        assert self._lock is not None
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(f"{os.getpid()} {state}")
        self._lock.flush()

    def clear_leftovers(self, programs: list[Program]) -> None:
        """Nothing of an earlier run that was killed still runs: its children are stopped, newest first."""
        for program in reversed(programs):
            if stop_leftover(self._pid_file(program.name), program.stop_signals, program.patience_s):
                say(f"stopped {program.name}, left over from a run that was killed")

    def _pid_file(self, name: str) -> Path:
        return self.places.run / f"{name}.pid"

    def start(self, program: Program) -> Child:
        """`program` runs and is watched from now on."""
        rotate(program.log)
        child = Child(program, self._pid_file(program.name))
        self.children.append(child)
        child.start()
        return child

    def wait(self, timeout_s: float) -> None:
        """At most `timeout_s` seconds pass; less when a child ends. Raises Stopped when the supervisor is asked to end."""
        found = signal.sigtimedwait(WATCHED, timeout_s)
        if (found is not None and found.si_signo in ENDING) or (self.parent and self.parent.was_asked_to_end()):
            raise Stopped

    def wait_until(self, answers: Callable[[], bool], child: Child, deadline_s: float = 60.0) -> None:
        """`answers()` is true. Raises Trouble when `child` ends before that, or when it takes too long."""
        deadline = time.monotonic() + deadline_s
        while not answers():
            if child.has_ended() or time.monotonic() > deadline:
                raise Trouble(f"{child.program.name} did not start: {child.last_words()}")
            self.wait(0.05)

    def run_to_end(self, program: Program) -> None:
        """`program` ran and succeeded. Raises Trouble with its last words when it failed."""
        child = self.start(program)
        while not child.has_ended():
            self.wait(1.0)
        self.children.remove(child)
        child.pid_file.unlink(missing_ok=True)
        assert child.process is not None
        if child.process.returncode:
            raise Trouble(f"{child.last_words(1).removeprefix('atelier: ')} (log: {program.log})")

    def watch(self) -> None:
        """Children that die are started again, until somebody asks the supervisor to end (Stopped)."""
        while True:
            now = time.monotonic()
            due = [child for child in self.children if child.has_ended()]
            for child in due:
                self._restart(child, now)
            times = [self.restarts[child.program.name].at - now for child in due if child.has_ended()]
            self.wait(max(0.05, min([1.0, *times])))

    def _restart(self, child: Child, now: float) -> None:
        plan = self.restarts.get(child.program.name)
        if plan is None or plan.at < child.started_at:
            plan = self.restarts.setdefault(child.program.name, Restart())
            pause_s = plan.plan(now - child.started_at)
            say(f"{child.program.name} ended ({child.process.returncode if child.process else '?'}); it is started again in {pause_s:g} s")
        if time.monotonic() >= plan.at:
            child.start()

    def stop(self) -> None:
        """Every child has ended, the servers last; further requests to end are heard and ignored meanwhile."""
        self._write_holder("stopping")
        for child in self.children:
            if child.program.name not in SERVERS:
                child.stop_begin()
        for child in reversed(self.children):
            child.stop_begin()
            while not child.stop_continue():
                signal.sigtimedwait(WATCHED, 0.1)
        (self.places.run / "services.json").unlink(missing_ok=True)


def rotate(log: Path) -> None:
    """`log` begins anew when it has grown beyond ten megabytes; the one before is kept."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def check_port(places: Places) -> None:
    """The port is free. Raises Trouble."""
    family = socket.AF_INET6 if ":" in places.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((places.host, places.port))
        except OSError as error:
            raise Trouble(
                f"port {places.port} on {places.host} cannot be used ({error.strerror}): choose another, PORT=… make run"
            ) from error


def check_places(places: Places) -> None:
    """Demo mode stays on this machine, and there is room to work. Raises Trouble."""
    if places.is_demo and places.host not in LOOPBACK:
        raise Trouble(f"demo mode needs a loopback address, HOST={places.host} is not one (DEMO=0 runs for production)")
    free_mb = shutil.disk_usage(places.data).free // 1024**2
    if free_mb < 300:
        raise Trouble(f"300 MB of disk are needed under {places.data}, {free_mb} MB are free")


@dataclass(slots=True)
class Services:
    """PostgreSQL and Redis of a run: given ones are used, missing ones are embedded."""

    supervisor: Supervisor
    database_url: str = ""
    redis_url: str = ""

    def programs(self) -> list[Program]:
        """The embedded servers that this run needs."""
        places = self.supervisor.places
        return [
            *([] if os.environ.get("DATABASE_URL") else [places.cluster().program(places.data)]),
            *([] if os.environ.get("REDIS_URL") else [places.valkey().program(places.data)]),
        ]

    def start(self) -> None:
        """Both answer, and their addresses are known. Raises Trouble."""
        self.database_url = os.environ.get("DATABASE_URL") or self._start_postgres()
        self.redis_url = os.environ.get("REDIS_URL") or self._start_valkey()
        write_private(self.supervisor.places.run / "services.json", {"database_url": self.database_url, "redis_url": self.redis_url})

    def _start_postgres(self) -> str:
        cluster = self.supervisor.places.cluster()
        cluster.create()
        child = self.supervisor.start(cluster.program(self.supervisor.places.data))
        self.supervisor.wait_until(cluster.answers, child)
        cluster.database_create()
        return cluster.url()

    def _start_valkey(self) -> str:
        valkey = self.supervisor.places.valkey()
        valkey.create()
        child = self.supervisor.start(valkey.program(self.supervisor.places.data))
        self.supervisor.wait_until(valkey.answers, child)
        return valkey.url()


def python(*arguments: str) -> list[str]:
    """A command of this environment's Python."""
    return [sys.executable, *arguments]


def platform_programs(places: Places, environment: dict[str, str]) -> list[Program]:
    """The workers, beat and web, in the order in which they start."""

    def program(name: str, command: list[str], **extra: object) -> Program:
        return Program(name=name, command=command, environment=environment, log=places.log(name), cwd=ROOT, **extra)  # type: ignore[arg-type]

    celery = python("-m", "celery", "-A", "config.celery")
    ending = {"stop_signals": (signal.SIGTERM, signal.SIGQUIT), "on_orphan": signal.SIGQUIT, "patience_s": 4.0}
    # What takes long has a worker of its own: sweeps, webhooks and the outbox never wait behind a video.
    work = ["-Q", "work", "-n", "maker@%h", "--pool", "prefork", "--concurrency", os.environ.get("WORKER_PROCESSES", "2")]
    rest = ["-Q", "celery", "-n", "worker@%h", "--pool", "threads", "--concurrency", "4"]
    return [
        program("maker", [*celery, "worker", *WORKER_FLAGS, *work], **ending),
        program("worker", [*celery, "worker", *WORKER_FLAGS, *rest], **ending),
        program("beat", [*celery, "beat", "--schedule", str(places.run / "beat-schedule"), "--pidfile=", "--loglevel", "WARNING"]),
        program("web", python("-m", "uvicorn", "config.asgi:application", "--host", places.host, "--port", str(places.port), *WEB_FLAGS)),
    ]
