"""`make check`: every check runs, also after one that failed; the exit code says whether all passed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from config.launcher.places import ROOT
from config.launcher.testing import SECRET

BIN = Path(sys.executable).parent
CHECKS: dict[str, list[str]] = {
    "ruff check": [str(BIN / "ruff"), "check", "--quiet", "."],
    "ruff format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "import-linter": [str(BIN / "lint-imports")],
    "django check": [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
    "mypy": [str(BIN / "mypy"), "."],
}
"""Name → command. None of them needs a database that answers."""


def check() -> int:
    """0 when every check passed; what a failed one said is shown."""
    environment = {
        **os.environ,
        "SECRET_KEY": SECRET,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "PYTHONWARNINGS": "ignore::RuntimeWarning:django.core.management.commands.makemigrations",
    }
    failed = 0
    for name, command in CHECKS.items():
        began = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        failed += done.returncode != 0
        print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
        if done.returncode:
            print((done.stdout + done.stderr).rstrip(), flush=True)
    return 1 if failed else 0
