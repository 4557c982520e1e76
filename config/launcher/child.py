"""Child processes: started in their own session, ended with the supervisor, found again after it was killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def start_ticks(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None when it is gone or a zombie."""
    stat = _stat_of(pid)
    return int(stat[19]) if stat and stat[0] not in "ZX" else None


def _stat_of(pid: int) -> list[str] | None:
    """The fields of `/proc/<pid>/stat` after the command's name: state, parent, group, session, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None


def session_members(session: int) -> list[int]:
    """The living processes of `session`."""
    found = []
    for entry in Path("/proc").iterdir():
        stat = _stat_of(int(entry.name)) if entry.name.isdigit() else None
        if stat and int(stat[3]) == session and stat[0] not in "ZX":
            found.append(int(entry.name))
    return found


def end_with_parent(signal_number: int) -> None:
    """The kernel sends this process `signal_number` when the process that started it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: its name, command, environment, log, and how it is asked to end.

    `on_orphan`: the signal it gets when the supervisor dies. `patience_s`: how long each signal of `stop_signals` may take.
    """

    name: str
    command: Sequence[str | Path]
    environment: dict[str, str]
    log: Path
    cwd: Path
    stop_signals: tuple[int, ...] = (signal.SIGTERM,)
    on_orphan: int = signal.SIGTERM
    patience_s: float = 6.0


@dataclass(slots=True)
class Child:
    """One running program and its pid file."""

    program: Program
    pid_file: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    stopping: bool = False
    stop_step: int = 0
    stop_deadline: float = field(default=0.0)

    def start(self) -> None:
        """The program runs; its pid and start time are on disk."""
        program = self.program

        def prepare() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            end_with_parent(program.on_orphan)

        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in program.command],
                cwd=program.cwd,
                env=program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=prepare,  # safe: the supervisor has one thread
            )
        self.started_at = time.monotonic()
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        written = self.pid_file.with_suffix(".new")  # whoever reads it meanwhile, or after a kill here, finds a whole one
        written.write_text(f"{self.process.pid} {start_ticks(self.process.pid) or 0}")
        written.replace(self.pid_file)

    def has_ended(self) -> bool:
        """True when the program is not running (also: was never started)."""
        return self.process is None or self.process.poll() is not None

    def stop_begin(self) -> None:
        """The program is asked to end."""
        if not self.has_ended() and not self.stopping:
            self.stopping = True
            self._signal_next()

    def stop_continue(self) -> bool:
        """True when the program has ended; one that takes too long gets its next signal, then SIGKILL for its whole session."""
        if self.has_ended():
            self._finished()
            return True
        if time.monotonic() > self.stop_deadline:
            self._signal_next()
        return False

    def _signal_next(self) -> None:
        assert self.process is not None
        signals = self.program.stop_signals
        if self.stop_step < len(signals):
            self.process.send_signal(signals[self.stop_step])
        else:
            kill_session(self.process.pid)
        self.stop_step += 1
        self.stop_deadline = time.monotonic() + self.program.patience_s

    def _finished(self) -> None:
        if self.process is not None:
            kill_session(self.process.pid)
            self.pid_file.unlink(missing_ok=True)
        self.stopping, self.stop_step = False, 0

    def last_words(self, lines: int = 3) -> str:
        """The last lines of the program's log, in one line."""
        with contextlib.suppress(OSError):
            return " / ".join(self.program.log.read_text(errors="replace").strip().splitlines()[-lines:])
        return "no log"


def kill_session(leader: int) -> None:
    """No process of the session that `leader` led is left."""
    for pid in session_members(leader):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop_leftover(pid_file: Path, signals: Sequence[int], patience_s: float) -> bool:
    """The program that an earlier, killed supervisor left behind is gone; True when there was one.

    Its pid is believed only together with the start time. A worker's orphans are found by its session.
    """
    try:
        pid, ticks = (int(part) for part in pid_file.read_text().split())
    except (OSError, ValueError):
        return False
    leader_is_ours = start_ticks(pid) == ticks
    members = [pid] if leader_is_ours else [one for one in session_members(pid) if one != pid and (start_ticks(one) or 0) >= ticks]
    if leader_is_ours:
        for number in signals:
            _ask(pid, ticks, number, patience_s)
        kill_session(pid)
    elif start_ticks(pid) is None:
        for one in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    return bool(members)


def _ask(pid: int, ticks: int, number: int, patience_s: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    deadline = time.monotonic() + patience_s
    while start_ticks(pid) == ticks and time.monotonic() < deadline:
        time.sleep(0.05)
