"""Settings of a test run: the platform's own, beside services that the run brings along when none are given.

An xdist worker has its own Redis database; pytest-django gives it its own PostgreSQL database.
"""

import atexit
import os
import re
from pathlib import Path

if "DATABASE_URL" not in os.environ:
    from config.launcher.testing import ThrowAway

    services = ThrowAway()
    services.__enter__()
    atexit.register(services.close)
    os.environ.update(services.environment())
    Path(os.environ["DATA_DIR"]).mkdir()

worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and os.environ.get("TEST_SERVICES") == "own":
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = re.sub(r"db=\d+", f"db={number}", os.environ["REDIS_URL"])
    os.environ["DATA_DIR"] = f"{os.environ['DATA_DIR'].rstrip('/')}/{worker}"
    os.environ["STORAGE_URL"] = f"file://{os.environ['DATA_DIR']}/media"
    Path(os.environ["DATA_DIR"]).mkdir(parents=True, exist_ok=True)

from config.settings import *  # noqa: E402, F403

# Races of many threads wait for each other as long as a slow machine needs; the processes that tests start keep the platform's own limits.
_waits = {"lock_timeout=5s": "lock_timeout=90s", "statement_timeout=30s": "statement_timeout=100s"}
for _given, _patient in _waits.items():
    assert _given in DATABASES["default"]["OPTIONS"]["options"], _given  # noqa: F405
    DATABASES["default"]["OPTIONS"]["options"] = DATABASES["default"]["OPTIONS"]["options"].replace(_given, _patient)  # noqa: F405

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # noqa: F405  whitenoise warns of a folder that is not there
