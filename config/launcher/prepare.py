"""What must be true before the platform's processes start: one process with Django, run by the launcher.

Migrations, the mark of the database, Django's checks, static files, demo data; each is skipped when there is nothing to do.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

STAMP = ".collected"


def migrate() -> None:
    """The database has every migration."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def check() -> None:
    """Rates, catalogue and gateways are sound: no process starts with settings or prices at which dealing with oneself pays."""
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError

    try:
        call_command("check", databases=["default"])
    except SystemCheckError as error:
        raise SystemExit(str(error)) from error


def _static_files() -> list[str]:
    from django.contrib.staticfiles.finders import get_finders

    found = []
    for finder in get_finders():
        for name, storage in finder.list([]):
            info = Path(storage.path(name)).stat()
            found.append(f"{name} {info.st_size} {info.st_mtime_ns}")
    return sorted(found)


def collect_static() -> None:
    """`STATIC_ROOT` holds the hashed and compressed static files of every app."""
    from django.conf import settings
    from django.core.management import call_command

    root = Path(settings.STATIC_ROOT)
    mark = hashlib.sha256("\n".join(_static_files()).encode()).hexdigest()
    if (root / STAMP).exists() and (root / STAMP).read_text() == mark:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.exists())
    (root / STAMP).write_text(mark)


def steps() -> list[tuple[str, Callable[[], object]]]:
    """What is done, in order."""
    from django.conf import settings

    from operations.services.demo import demo_create
    from operations.services.installation import installation_judge, installation_mark

    return [
        ("judge the database", installation_judge),
        ("migrate", migrate),
        ("mark the database", installation_mark),
        ("check", check),
        ("collect static files", collect_static),
        *([("make demo data", demo_create)] if settings.DEMO else []),
    ]


def main() -> None:
    """Everything is prepared. A refusal ends the process with its one line."""
    import django

    django.setup()
    for name, step in steps():
        began = time.monotonic()
        step()
        print(f"{name}: {time.monotonic() - began:.2f} s", flush=True)


if __name__ == "__main__":
    main()
    sys.exit(0)
