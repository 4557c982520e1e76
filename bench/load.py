"""Load from wrk, and what it saw."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("REPORT %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """One load: requests a second, latencies in milliseconds, bytes a response, and refusals."""

    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    bytes_per_request: float
    errors: int

    def as_dict(self) -> dict[str, Any]:
        """For `bench.json`."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def wrk() -> str:
    """wrk's path; installed from Debian when it is missing and we may. Exits with one line otherwise."""
    if shutil.which("wrk") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["apt-get", "install", "-y", "wrk"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("make bench needs wrk: install the Debian package `wrk`")
    return found


def drive(url: str, *, mode: str, tokens: Path, script: Path, seconds: int, path: str = "", workdir: Path) -> Load:
    """`seconds` of load on `url` by 16 connections with the script of the yardsticks (`MODE=create|poll|get`)."""
    driver = workdir / "load.lua"
    driver.write_text(script.read_text() + REPORT)
    env = {**os.environ, "MODE": mode, "TOKENS": str(tokens), "URLPATH": path}
    command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(driver), url]
    output = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    found = re.search(r"^REPORT (.*)$", output, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk said nothing that can be read:\n{output}")
    requests, duration_us, size, p50, p95, p99, refused, broken = (int(part) for part in found[1].split())
    return Load(
        rps=requests / (duration_us / 1e6),
        p50_ms=p50 / 1000,
        p95_ms=p95 / 1000,
        p99_ms=p99 / 1000,
        bytes_per_request=size / max(requests, 1),
        errors=refused + broken,
    )
