"""The virtual environment: made, filled and kept up to date. Standard library only; run by any Python 3.

`python bootstrap.py run` installs what the platform needs, `dev` what its checks and tests need besides.
A stamp holds the hash of what was installed, so that a later start skips all of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "build" / "setup.log"
SETS = {
    "run": ["requirements.txt", "requirements-embedded.txt"],
    "dev": ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"],
}


def stop(text: str) -> None:
    """End with one line that says what is missing."""
    sys.exit(f"atelier: {text}")


def stamp_of(level: str) -> str:
    """The hash of everything that decides what `level` installs."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in SETS[level])).hexdigest()


def stamp_path(level: str) -> Path:
    """Where the stamp of `level` lies."""
    return VENV / f".installed-{level}"


def is_current(level: str) -> bool:
    """True when the environment holds exactly what the files of `level` ask for."""
    return is_whole() and stamp_path(level).exists() and stamp_path(level).read_text() == stamp_of(level)


def is_whole() -> bool:
    """True when the environment's Python is still there and still of the version that its packages were installed for."""
    name = PYTHON.resolve().name if PYTHON.exists() else ""
    return bool(name) and (not name.startswith("python3.") or (VENV / "lib" / name).is_dir())


def check_machine() -> None:
    """Ends with one line when this Python or this disk will not do."""
    if sys.version_info < (3, 11):  # noqa: UP036  this file runs before anybody knows which Python it is
        stop(f"Python 3.11 or later is needed, this is {sys.version.split()[0]} (name another: make PYTHON=python3.11 …)")
    free_mb = shutil.disk_usage(ROOT).free // 1024**2
    if free_mb < 1500:
        stop(f"1.5 GB of disk are needed under {ROOT}, {free_mb} MB are free")
    if not os.access(ROOT, os.W_OK):
        stop(f"{ROOT} cannot be written to by this user")


def quiet(*command: str | Path) -> bool:
    """Run `command`; True when it succeeded. Its words are kept for `complain`."""
    with LOG.open("ab") as log:
        return subprocess.run([str(part) for part in command], stdout=log, stderr=log, check=False).returncode == 0


def complain(what: str) -> None:
    """End with `what` and the last line that the failed command wrote."""
    lines = LOG.read_text(errors="replace").strip().splitlines() or ["no output"]
    stop(f"{what}: {lines[-1].strip()} (all of it in build/setup.log)")


def make_venv() -> None:
    """`.venv` exists and has uv: by ensurepip, by a uv on PATH, or by the system's pip."""
    uv = shutil.which("uv")
    if is_whole() and quiet(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))") and find_uv():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if quiet(sys.executable, "-c", "import ensurepip, venv"):
        if not quiet(sys.executable, "-m", "venv", VENV):
            complain("python -m venv failed")
    elif uv or quiet(sys.executable, "-m", "pip", "--version"):
        if not quiet(sys.executable, "-m", "venv", "--without-pip", VENV):
            complain("python -m venv failed")
    else:
        stop("Python's venv module is missing (Debian: apt install python3-venv)")
    if not find_uv() and not install_uv():
        complain("uv could not be installed (is the package index reachable?)")


def find_uv() -> str | None:
    """The uv of the environment, else one on PATH."""
    own = VENV / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")


def install_uv() -> bool:
    """uv is in the environment, from `requirements-uv.txt`, by the environment's pip or the system's."""
    wanted: list[str | Path] = ["install", "--quiet", "--require-hashes", "-r", ROOT / "requirements-uv.txt"]
    if quiet(PYTHON, "-m", "pip", "--version"):
        return quiet(PYTHON, "-m", "pip", *wanted)
    return quiet(sys.executable, "-m", "pip", "--python", PYTHON, *wanted)


def sync(level: str) -> None:
    """The environment holds exactly the packages of `level`, hashes checked, compiled to bytecode."""
    if not any(quiet(*way) for way in ways_of(level)):
        complain("the packages could not be installed")
    for name in SETS:
        if set(SETS[name]) <= set(SETS[level]):
            stamp_path(name).write_text(stamp_of(name))
        else:
            stamp_path(name).unlink(missing_ok=True)


def ways_of(level: str) -> list[list[str | Path]]:
    """uv; uv with the machine's own certificates; uv once more; pip, which alone reads pip's configuration."""
    files = [str(ROOT / name) for name in SETS[level]]
    uv: list[str | Path] = [find_uv() or "uv", "pip", "sync", "--python", PYTHON, "--require-hashes", "--compile-bytecode"]
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--require-hashes", *(part for file in files for part in ("-r", file))]
    return [[*uv, *files], [*uv, "--system-certs", *files], [*uv, *files], pip]


def main(level: str) -> None:
    """The environment is ready for `level`; one that was made for `dev` stays so."""
    check_machine()
    if is_current(level):
        return
    if stamp_path("dev").exists():
        level = "dev"
    print(f"atelier: installing packages into .venv ({'checks and tests too' if level == 'dev' else 'first start only'}) …", flush=True)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    make_venv()
    sync(level)


if __name__ == "__main__":
    main(sys.argv[1])
