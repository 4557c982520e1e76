"""`make run`: the whole platform on one machine and one port."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from config.launcher.child import Program
from config.launcher.places import ROOT, Places, places_here
from config.launcher.supervisor import Services, Stopped, Supervisor, check_places, check_port, platform_programs, python, say

PREPARE_PATIENCE_S = 20.0


def prepare_program(places: Places, environment: dict[str, str]) -> Program:
    """Migrations, the mark of the database, demo data and static files, in one process."""
    return Program(
        "prepare", python("-m", "config.launcher.prepare"), environment, places.log("prepare"), ROOT, patience_s=PREPARE_PATIENCE_S
    )


def is_ready(places: Places) -> bool:
    """True when `/readyz` answers 200."""
    host = "[::1]" if places.host == "::1" else places.host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    try:
        with urllib.request.urlopen(f"http://{host}:{places.port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start_all(supervisor: Supervisor, services: Services) -> None:
    """Everything runs and answers. Raises Trouble or Stopped."""
    places = supervisor.places
    idle = platform_programs(places, {})
    supervisor.clear_leftovers([*services.programs(), prepare_program(places, {}), *idle])
    check_port(places)
    services.start()
    environment = places.environment(services.database_url, services.redis_url)
    supervisor.run_to_end(prepare_program(places, environment))
    for program in reversed(platform_programs(places, environment)):
        supervisor.start(program)
    web = next(child for child in supervisor.children if child.program.name == "web")
    supervisor.wait_until(lambda: is_ready(places), web)


def announce(places: Places, took_s: float) -> None:
    """The person at the terminal knows where to go."""
    say(f"ready after {took_s:.1f} s: {places.base_url}")
    if places.is_demo:
        say(f"demo users and keys: {places.data / 'demo.json'} · text messages: {places.data / 'sms'} · logs: {places.data / 'logs'}")
    say("Ctrl-C stops it")


def run(*, with_parent: bool) -> int:
    """The platform runs until SIGINT or SIGTERM; 0 when it was stopped. Raises Trouble."""
    began = time.monotonic()
    places = places_here(is_demo_default=True)
    check_places(places)
    supervisor = Supervisor(places)
    supervisor.take_over(with_parent=with_parent)
    try:
        start_all(supervisor, Services(supervisor))
        announce(places, time.monotonic() - began)
        supervisor.watch()
    except Stopped:
        say("stopping …")
    finally:
        supervisor.stop()
    say("stopped")
    return 0
