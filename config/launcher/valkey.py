"""The embedded Valkey: persistent, with a password, reached by a unix socket only."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from config.launcher.binaries import valkey_binary
from config.launcher.child import Program

DATABASES = 64


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server: its folder, its socket, its password."""

    folder: Path
    socket: Path
    password: str
    log: Path
    throw_away: bool = False

    def url(self, database: int = 0) -> str:
        """The `REDIS_URL` of one of its databases."""
        return f"unix://:{self.password}@{self.socket}?db={database}"

    def create(self) -> None:
        """Its folder and configuration exist; the password stands in a file of mode 0600, not in the process list."""
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text(self._configuration())

    def _configuration(self) -> str:
        lines = {
            "port": "0",
            "unixsocket": f'"{self.socket}"',
            "unixsocketperm": "700",
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "databases": str(DATABASES),
            "appendonly": "no" if self.throw_away else "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def program(self, cwd: Path) -> Program:
        """How to run it."""
        return Program(
            name="valkey",
            command=[valkey_binary(), self.folder / "valkey.conf"],
            environment={"PATH": os.environ.get("PATH", os.defpath)},
            log=self.log,
            cwd=cwd,
        )

    def answers(self) -> bool:
        """True when it answers a ping."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer and (part := connection.recv(64)):
                    answer += part
                return b"+PONG" in answer
        except OSError:
            return False
