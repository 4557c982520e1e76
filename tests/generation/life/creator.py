"""A process that creates tasks, as a web process would: `python -m tests.generation.life.creator <user> <count> <pause_s>`."""

from __future__ import annotations

import sys
import time

import django


def main() -> None:
    django.setup()
    from accounts.models import User
    from generation.engines import registry
    from tests.generation.life.conftest import make_task

    registry.ADAPTERS["stub"] = "tests.generation.life.engines:Stub"
    user = User.objects.get(pk=int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        began = time.monotonic()
        task = make_task(user)
        print(task.uuid, f"{time.monotonic() - began:.3f}", flush=True)
        time.sleep(float(sys.argv[3]))


if __name__ == "__main__":
    main()
