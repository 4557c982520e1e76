"""The few threads in which streams ask the database. A stream that waits holds no connection; a thread that just worked keeps its own."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections

Result = TypeVar("Result")
THREADS = 4
KEPT_S = 2.0
"""A connection that nobody used for so long is given back."""
TRUSTED_S = 0.2
"""A connection that answered so recently is not asked again whether it lives."""
Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """They begin with the first piece of work and end with the process."""

    def __init__(self, count: int = THREADS) -> None:
        self._count = count
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._started: list[threading.Thread] = []

    async def __call__(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """`work`'s result, or what it raised; work begins in the order in which it came."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((loop, answer, work, arguments))
        if len(self._started) < self._count:
            self._start()
        return await answer

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"stream-db-{len(self._started)}", daemon=True)
        self._started.append(thread)
        thread.start()

    def _work(self) -> None:
        worked_at = 0.0
        while True:
            try:
                job = self._jobs.get(timeout=KEPT_S)
            except queue.Empty:
                connections.close_all()
                job = self._jobs.get()
            if time.monotonic() - worked_at > TRUSTED_S:
                _drop_dead()
            _do(*job)
            worked_at = time.monotonic()
            del job


def _drop_dead() -> None:
    """Connections that the server has dropped meanwhile are closed; the next statement opens a new one."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.is_usable():
            connection.close()


def _do(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if answer.cancelled():
        return
    try:
        result, error = work(*arguments), None
    except BaseException as raised:
        result, error = None, raised
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
    try:
        loop.call_soon_threadsafe(_settle, answer, result, error)
    except RuntimeError:
        connections.close_all()  # the loop has ended, and with it who asked


def _settle(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.cancelled():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


in_thread = Threads()
