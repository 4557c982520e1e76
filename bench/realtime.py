"""The realtime process: commit to screen, messages a second, memory and cost of a connection, a picture from order to result."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.peer import wait_for
from bench.services import Services, child
from config.launcher.child import Program
from config.launcher.supervisor import WEB_FLAGS, WORKER_FLAGS

ROOT = Path(__file__).resolve().parent.parent
PORT = 8013
EVERY_STEP = {"REALTIME_PROGRESS_EVERY_MS": "0"}
"""Each message is told: steps of a task that come fast are not merged, so what is missing was lost."""
USERS = 10_000
LISTENING = 1_000
CROWDS = 2
A_SOURCE = 1_500
"""Connections from one address: fewer than an address may have."""
EVENTS = 600
EVENTS_A_SECOND = 60
FLOOD_A_SECOND = 7_200
FLOOD_S = 8
LOGGED_SHARE = 0.02
"""Of the flood's messages so many are events of the log: beginning and end of a task beside fifty seconds of its progress."""
WARM_UP_A_SECOND = 1_500
ONE_A_SECOND = 3_000
ROUNDS = 6
PICTURES = 22


class Process:
    """A process that answers orders, a line of JSON each."""

    def __init__(self, module: str, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=ROOT, text=True
        )

    def order(self, do: str, **arguments: Any) -> None:
        """It begins."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it says when it is done. Exits when it died."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one order."""
        self.order(do, **arguments)
        return self.answer()

    def end(self) -> None:
        """It has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Clients:
    """The connected clients of several processes."""

    def __init__(self, env: dict[str, str], tokens: Path) -> None:
        self._crowds = [Process("bench.sockets", env) for _ in range(CROWDS)]
        self._tokens = tokens
        self._sources = 0

    def open(self, places: Sequence[int], *, beats_ms: int = 10_000) -> dict[str, Any]:
        """One client for each user among `places` is connected and subscribed. Exits when one was lost."""
        shares = [list(places[at::CROWDS]) for at in range(CROWDS)]
        begin, ready = time.monotonic(), 0
        for at in range(0, max(map(len, shares)), A_SOURCE):
            used = [(crowd, share[at : at + A_SOURCE]) for crowd, share in zip(self._crowds, shares, strict=True)]
            for crowd, part in used:
                self._sources += 1
                crowd.order("open", port=PORT, source=f"127.0.1.{self._sources}", tokens=str(self._tokens), places=part, beats_ms=beats_ms)
            answers = [crowd.answer() for crowd, _ in used]
            ready = sum(one["ready"] for one in answers)
            if any(one["lost"] for one in answers):
                raise SystemExit(f"clients were lost: {answers}")
        return {"ready": ready, "seconds": time.monotonic() - begin}

    def mark(self, *, is_recording: bool = False) -> None:
        """Counting begins anew."""
        for crowd in self._crowds:
            crowd.ask("mark", is_recording=is_recording)

    def report(self, expected: int, within_s: float = 10) -> dict[str, Any]:
        """What all of them received since the mark, once it is `expected` messages or time is up."""
        until = time.monotonic() + within_s
        while True:
            found = [crowd.ask("report", expected=10**9, within_s=0.1) for crowd in self._crowds]
            if sum(one["messages"] for one in found) >= expected or time.monotonic() > until:
                break
        return {
            "messages": sum(one["messages"] for one in found),
            "last_at": max(one["last_at"] for one in found),
            "lost": sum(one["lost"] for one in found),
            "seen": [tuple(each) for one in found for each in one["seen"]],
        }

    def end(self) -> None:
        """All are gone."""
        for crowd in self._crowds:
            crowd.end()


def measure(services: Services, env: dict[str, str], tokens: Path, work: Path) -> dict[str, Any]:
    """Every figure of a realtime process on a migrated database. `tokens`: lines of users who have credits."""
    env = {**env, "PORT": str(PORT), "PUBLIC_BASE_URL": f"http://127.0.0.1:{PORT}", **EVERY_STEP}
    subprocess.run([sys.executable, str(ROOT / "manage.py"), "prepare"], env=env, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    announcer = Process("bench.announcer", env)
    listeners = work / "listeners.tokens"
    announcer.ask("users", count=USERS, tokens=str(listeners))
    services.settle()
    try:
        with _serving(env, work) as pid:
            held = _held(pid, announcer, Clients(env, listeners))
        with _serving(env, work) as pid:
            told = _told(pid, announcer, Clients(env, listeners))
            pictures = _pictures(env, tokens, work)
    finally:
        announcer.end()
    return {**held, **told, **pictures}


@contextlib.contextmanager
def _serving(env: dict[str, str], work: Path) -> Iterator[int]:
    """One realtime process, started as `make run` starts it; its pid."""
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(PORT), *WEB_FLAGS]
    with child(Program("realtime", command, env, work / "realtime.log", ROOT), work) as started:
        assert started.process is not None
        wait_for(f"http://127.0.0.1:{PORT}/ws/info", started.process)
        yield started.process.pid


def _held(pid: int, announcer: Process, clients: Clients) -> dict[str, Any]:
    """Ten thousand connections: their memory, how fast they came, and what a message to one of them costs. They do not beat, so that
    the cost can be told from the noise; uvicorn's pings stay."""
    try:
        few = range(LISTENING, LISTENING + 11)
        clients.open(few, beats_ms=0)
        alone_us = _cost_us(pid, announcer, clients, place=LISTENING)
        before_kib, others = _resident_kib(pid), [place for place in range(USERS) if place not in few]
        opened = clients.open(others, beats_ms=0)
        time.sleep(3)
        connection_kib = (_resident_kib(pid) - before_kib) / len(others)
        among_us = _cost_us(pid, announcer, clients, place=LISTENING + 1)
        lost = clients.report(0)["lost"]
    finally:
        clients.end()
    return {
        "held": opened["ready"] - lost,
        "connection_kib": round(connection_kib, 1),
        "connects_a_second": round(len(others) / opened["seconds"]),
        "message_us": {"10 others": round(alone_us, 1), f"{USERS - 1:,} others": round(among_us, 1)},
        "message_ratio": round(among_us / alone_us, 2),
    }


def _told(pid: int, announcer: Process, clients: Clients) -> dict[str, Any]:
    """A thousand listening users: commit to screen, then the flood."""
    try:
        clients.open(range(LISTENING))
        screen = _commit_to_screen(announcer, clients)
        flood = _flood(pid, announcer, clients)
    finally:
        clients.end()
    return {"screen": screen, "flood": flood}


def _commit_to_screen(announcer: Process, clients: Clients) -> dict[str, Any]:
    """Milliseconds from the commit of a task's event in another process to its message at the client's socket."""
    clients.mark(is_recording=True)
    order = {"count": EVENTS, "among": LISTENING, "a_second": EVENTS_A_SECOND, "kind": "task.created"}
    committed = {(place, number): at for place, number, at in announcer.ask("events", **order)["events"]}
    seen = {(place, number): at for place, number, at in clients.report(EVENTS)["seen"]}
    took = sorted((seen[key] - at) * 1000 for key, at in committed.items() if key in seen)
    return {"events": EVENTS, "missed": EVENTS - len(took), **_percentiles(took)}


def _flood(pid: int, announcer: Process, clients: Clients) -> dict[str, Any]:
    """Progress of many tasks at once, and events of the log among it. Each task was heard of before: it began earlier."""
    clients.mark()
    begun = announcer.ask("flood", a_second=WARM_UP_A_SECOND, count=LISTENING, among=LISTENING, logged_share=0.0, percent=0)
    clients.report(begun["sent"])
    clients.mark()
    begin_cpu_s = _cpu_s(pid)
    order = {"a_second": FLOOD_A_SECOND, "count": FLOOD_A_SECOND * FLOOD_S, "among": LISTENING, "logged_share": LOGGED_SHARE}
    sent = announcer.ask("flood", **order)
    found = clients.report(sent["sent"], within_s=10)
    return {
        "sent": sent["sent"],
        "sent_a_second": round(sent["sent"] / (sent["ended_at"] - sent["began_at"])),
        "received": found["messages"],
        "received_a_second": round(found["messages"] / (found["last_at"] - sent["began_at"])),
        "lost_clients": found["lost"],
        "cpu": round((_cpu_s(pid) - begin_cpu_s) / (found["last_at"] - sent["began_at"]), 2),
    }


def _cost_us(pid: int, announcer: Process, clients: Clients, place: int) -> float:
    """The process's CPU time for one message to one user, in microseconds: what it uses a second while that user is told something,
    less what it uses while nobody is. Median of seconds in turn."""
    order = {"a_second": ONE_A_SECOND, "count": ONE_A_SECOND, "among": 1, "logged_share": 0.0, "percent": 0, "first": place}
    found = []
    for _ in range(ROUNDS):
        idle_s, _ = _used(pid, lambda: time.sleep(1.0))
        clients.mark()
        used_s, seconds = _used(pid, lambda: announcer.ask("flood", **order))
        received = clients.report(ONE_A_SECOND)["messages"]
        if received != ONE_A_SECOND:
            raise SystemExit(f"one user was sent {ONE_A_SECOND} messages and received {received}")
        found.append((used_s - idle_s * seconds) / ONE_A_SECOND * 1e6)
    return statistics.median(found)


def _used(pid: int, work: Callable[[], Any]) -> tuple[float, float]:
    """CPU seconds of the process during `work`, and how long that took."""
    before_s, begin = _cpu_s(pid), time.monotonic()
    work()
    return _cpu_s(pid) - before_s, time.monotonic() - begin


def _pictures(env: dict[str, str], tokens: Path, work: Path) -> dict[str, Any]:
    """Seconds from the order of a 512×512 picture to the user's event that it is made, by the worker of `make run`."""
    import httpx

    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", *WORKER_FLAGS]
    command += ["-Q", "work,celery", "-n", "maker@bench", "--pool", "prefork", "--concurrency", "1"]
    body = {"prompt": "a lighthouse at dusk", "width": 512, "height": 512, "steps": 20}
    took: list[float] = []
    with child(Program("maker", command, env, work / "maker.log", ROOT), work), httpx.Client(base_url=f"http://127.0.0.1:{PORT}") as http:
        http.headers["Authorization"] = f"Bearer {tokens.read_text().split(maxsplit=1)[0]}"
        for number in range(PICTURES):
            begin = time.monotonic()
            answer = http.post("/api/v1/generate/text2img", json={**body, "seed": number}).json()
            name = answer["data"]["taskId"]
            _until_done(http, name, begin + 30)
            took.append((time.monotonic() - begin) * 1000)
    warm = sorted(took[2:])
    return {"text2img": {"pictures": len(warm), **_percentiles(warm)}}


def _until_done(http: Any, name: str, until: float) -> None:
    while time.monotonic() < until:
        status = http.get(f"/api/v1/tasks/{name}").json()["data"]["status"]
        if status == "COMPLETED":
            return
        if status == "FAILED":
            break
        time.sleep(0.02)
    raise SystemExit(f"the picture {name} was not made")


def _percentiles(took: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(statistics.median(took), 1) if took else 0.0,
        "p95_ms": round(took[int(len(took) * 0.95)], 1) if took else 0.0,
        "max_ms": round(took[-1], 1) if took else 0.0,
    }


def _cpu_s(pid: int) -> float:
    """Seconds that all threads of the process have run."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
