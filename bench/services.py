"""What a run of the benchmark stands on: PostgreSQL and Valkey of its own, fresh, as `make run` embeds them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.launcher.child import Child, Program
from config.launcher.postgres import Cluster
from config.launcher.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Services:
    """The servers, and PostgreSQL's tools beside its binaries."""

    cluster: Cluster
    valkey: Valkey

    def tool(self, name: str, *arguments: str, database: str, env: dict[str, str] | None = None) -> str:
        """What `psql` or `pgbench` prints about `database`."""
        command = [*self.cluster.identity.prefix, str(self.cluster.identity.binaries / name), *arguments, self.cluster.url(database)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}, cwd="/")
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def pgbench_tps(self, script: Path, *, database: str, seconds: int, **variables: int) -> float:
        """Transactions a second of `script` by 8 clients with prepared statements."""
        named = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
        arguments = ["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(seconds), *named, "-f", str(script)]
        printed = self.tool("pgbench", *arguments, database=database)
        found = re.search(r"^tps = ([0-9.]+)", printed, re.MULTILINE)
        if found is None:
            raise SystemExit(f"pgbench printed no tps:\n{printed}")
        return float(found[1])

    def settle(self) -> None:
        """What was filled in before is on disk: no contender pays for another's checkpoint."""
        self.tool("psql", "-q", "-c", "CHECKPOINT", database="postgres")

    @contextmanager
    def statements_logged(self) -> Iterator[list[str]]:
        """Within, every statement that PostgreSQL runs is collected (its own log says so, not our code)."""
        import psycopg

        found: list[str] = []
        with psycopg.connect(self.cluster.url("postgres"), autocommit=True) as connection:
            self._log(connection, "all")
            begin = self.cluster.log.stat().st_size
            try:
                yield found
            finally:
                time.sleep(0.3)
                with self.cluster.log.open("rb") as log:
                    log.seek(begin)
                    found += re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", log.read().decode(errors="replace"))
                self._log(connection, "none")

    @staticmethod
    def _log(connection: Any, what: str) -> None:
        connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)


@contextmanager
def running(folder: Path) -> Iterator[Services]:
    """PostgreSQL (durable, as in production) and Valkey run within."""
    sockets = folder / "s"
    cluster = Cluster(folder / "pg", sockets, folder / "postgres.log")
    valkey = Valkey(folder / "valkey", folder / "v" / "v.sock", "bench", folder / "valkey.log")
    cluster.create()
    valkey.create()
    with ExitStack() as stack:
        for program, answers in ((cluster.program(folder), cluster.answers), (valkey.program(folder), valkey.answers)):
            stack.enter_context(child(program, folder))
            until = time.monotonic() + 30
            while not answers():
                if time.monotonic() > until:
                    raise SystemExit(f"{program.name} did not start: see {program.log}")
                time.sleep(0.05)
        yield Services(cluster, valkey)


@contextmanager
def child(program: Program, folder: Path) -> Iterator[Child]:
    """`program` runs within."""
    started = Child(program, folder / f"{program.name}.pid")
    started.start()
    try:
        yield started
    finally:
        started.stop_begin()
        while not started.stop_continue():
            time.sleep(0.05)


def memory_mib(leader: int) -> list[float]:
    """The proportional memory (PSS, MiB) of every process of `leader`'s session, largest first."""
    from config.launcher.child import session_members

    sizes = []
    for pid in session_members(leader):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        sizes.append(int(found[1]) / 1024 if found else 0.0)
    return sorted(sizes, reverse=True)
