"""Where a run keeps what: folders, secrets, addresses of its services, and the environment of its processes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.launcher.postgres import Cluster
from config.launcher.trouble import Trouble
from config.launcher.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FOLDER = 100 - len("/postgres/.s.PGSQL.5432")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
DROPPED = {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def flag(name: str, default: bool = False) -> bool:
    """The environment variable `name` as yes or no, read as the settings read it."""
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def write_private(path: Path, content: Any) -> None:
    """`path` holds `content` as JSON, readable by its owner only from the first byte on, replaced in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    fresh.replace(path)


def socket_folder(data: Path) -> Path:
    """The folder of the unix sockets: inside the data folder, or a short private one when its path is too long for a socket."""
    inside = data / "run"
    if len(str(inside)) <= LONGEST_FOLDER:
        return inside
    mark = hashlib.sha256(str(data).encode()).hexdigest()[:10]
    folder = Path(tempfile.gettempdir()) / f"atelier-{os.getuid()}-{mark}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise Trouble(f"{folder} belongs to somebody else: remove it, or choose a shorter DATA_DIR")
    return folder


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and secrets of one data folder."""

    data: Path
    secrets: dict[str, str]
    host: str
    port: int
    is_demo: bool

    @property
    def run(self) -> Path:
        """Pid files, the lock, and the addresses of the running services."""
        return self.data / "run"

    def log(self, name: str) -> Path:
        """The log of process `name`."""
        return self.data / "logs" / f"{name}.log"

    @property
    def base_url(self) -> str:
        """The address that people open."""
        return os.environ.get("PUBLIC_BASE_URL", f"http://{'[::1]' if self.host == '::1' else self.host}:{self.port}").rstrip("/")

    def cluster(self) -> Cluster:
        """The embedded PostgreSQL of this data folder."""
        return Cluster(self.data / "pg", socket_folder(self.data) / "postgres", self.log("postgres"))

    def valkey(self) -> Valkey:
        """The embedded Valkey of this data folder."""
        return Valkey(
            self.data / "valkey", socket_folder(self.data) / "valkey" / "sock", self.secrets["valkey_password"], self.log("valkey")
        )

    def environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        """What every process of the platform is started with."""
        kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
        return {
            "SECRET_KEY": self.secrets["secret_key"],
            **kept,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(self.data),
            "DEMO": "1" if self.is_demo else "0",
            "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.base_url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        }


def places_here(*, is_demo_default: bool) -> Places:
    """The places that `DATA_DIR`, `HOST`, `PORT` and `DEMO` name; folders and secrets are made when missing. Raises Trouble."""
    data = Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("run", "logs"):
            (data / name).mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise Trouble(f"the data folder {data} cannot be made: {error.strerror} (choose another with DATA_DIR)") from error
    return Places(data, _secrets(data / "secrets.json"), os.environ.get("HOST", "127.0.0.1"), _port(), flag("DEMO", is_demo_default))


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"PORT={text} is not a port")
    return int(text)


def _secrets(path: Path) -> dict[str, str]:
    """The secrets of this data folder, made once."""
    try:
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise Trouble(f"{path} cannot be read: {error}") from error
    missing = {"secret_key": secrets.token_urlsafe(48), "valkey_password": secrets.token_hex(24)}
    if not missing.keys() <= known.keys():
        known = {**missing, **known}
        write_private(path, known)
    return known
