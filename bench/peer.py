"""The peer: the stack that the documents name, from `../shared/bench`, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ["fastapi~=0.120", "uvicorn[standard]", "sqlalchemy[asyncio]~=2.0", "asyncpg", "pyjwt", "redis", "psycopg[binary]"]


def environment(folder: Path) -> Path:
    """A virtual environment with the peer's packages under `folder`; made once. Returns its Python."""
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([str(uv), "pip", "install", "-q", "--python", str(python), *PACKAGES], check=True)
        stamp.write_text("\n".join(PACKAGES))
    return python


@contextmanager
def serving(python: Path, yardsticks: Path, *, database: str, redis: str, port: int, log: Path) -> Iterator[str]:
    """The peer's two uvicorn workers run within; yields their address."""
    env = {**os.environ, "PEER_DB": database, "PEER_REDIS": redis}
    command = [
        str(python), "-m", "uvicorn", "peer_fastapi:app", "--workers", "2", "--no-access-log", "--log-level", "warning",
        "--app-dir", str(yardsticks), "--port", str(port),
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, env=env, stdout=output, stderr=output) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/docs", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """`url` answers. Exits when the process ended or time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer in {seconds:.0f} s")
