"""`make web`: the production web processes (WSGI) alone. `make realtime`: one process for streams and sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from config.launcher.places import LOOPBACK, ROOT, Places, places_here
from config.launcher.supervisor import WEB_FLAGS, check_port, say
from config.launcher.trouble import Trouble

NO_SERVICES = "DATABASE_URL and REDIS_URL are not set, and no `make run` with its own services runs on {data}"


def services_of(places: Places) -> tuple[str, str]:
    """The given PostgreSQL and Redis, or those of a running `make run` on the same data folder. Raises Trouble."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        return database_url, redis_url
    try:
        running = json.loads((places.run / "services.json").read_text())
    except (OSError, ValueError) as error:
        raise Trouble(NO_SERVICES.format(data=places.data)) from error
    if not database_url and not places.cluster().answers():
        raise Trouble(NO_SERVICES.format(data=places.data))
    return database_url or running["database_url"], redis_url or running["redis_url"]


def command(places: Places) -> list[str]:
    """granian: one process a core with few threads, because many threads in one process are slower than few."""
    workers = os.environ.get("WORKERS") or str(os.cpu_count() or 1)
    if not workers.isdigit() or workers == "0":
        raise Trouble(f"WORKERS={workers} is not a number of processes")
    flags = {
        "--host": places.host,
        "--port": str(places.port),
        "--workers": workers,
        "--blocking-threads": os.environ.get("WEB_THREADS", "4"),
        "--runtime-threads": "1",
        "--backlog": "1024",
        "--workers-kill-timeout": "10",
        "--log-level": "warning",
    }
    flat = [part for pair in flags.items() for part in pair]
    return [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--respawn-failed-workers", *flat, "config.wsgi:application"]


def realtime_command(places: Places) -> list[str]:
    """uvicorn with one worker: the sessions of clients without WebSocket live in their process."""
    return [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", places.host, "--port", str(places.port), *WEB_FLAGS]


def web() -> int:
    """This process becomes granian. Raises Trouble; returns never."""
    return _become("web processes", command)


def realtime() -> int:
    """This process becomes uvicorn. Raises Trouble; returns never."""
    return _become("a realtime process", realtime_command)


def _become(what: str, command_for: Callable[[Places], list[str]]) -> int:
    places = places_here(is_demo_default=_is_demo_data())
    if places.is_demo and places.host not in LOOPBACK:
        raise Trouble(f"demo mode needs a loopback address, HOST={places.host} is not one")
    database_url, redis_url = services_of(places)
    check_port(places)
    environment = places.environment(database_url, redis_url)
    _collect_static(places, environment)
    say(f"{what} on http://{places.host}:{places.port}")
    os.chdir(ROOT)
    os.execve(sys.executable, command_for(places), environment)  # noqa: S606  no shell is meant


def _is_demo_data() -> bool:
    """Beside a `make run` the mode of its data is meant, unless `DEMO` says otherwise."""
    return (Path(os.environ.get("DATA_DIR") or ROOT / "var") / "demo.json").exists()


def _collect_static(places: Places, environment: dict[str, str]) -> None:
    """The static files lie in the data folder; `make run` has put them there already. Raises Trouble."""
    if (places.data / "static" / "staticfiles.json").exists():
        return
    places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    collect = [sys.executable, str(ROOT / "manage.py"), "collectstatic", "--noinput", "--verbosity=0"]
    done = subprocess.run(collect, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"the static files could not be collected: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
