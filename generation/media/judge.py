"""Files of strangers are opened in a process of their own: bounded in time and memory, and free to crash."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.exceptions_media import MediaInvalid, MediaTooLarge
from generation.media.probe import Probe

TIME_LIMIT_S = 30
HOME = Path(__file__).resolve().parents[2]
DAMAGED = "it is damaged or not what it claims to be"


@dataclass(frozen=True, slots=True)
class Judged:
    """A stranger's file that can be used, with its small picture."""

    probe: Probe
    thumbnail: Path


def judged(path: Path, thumbnail_to: Path) -> Judged:
    """What `path` holds, its small picture at `thumbnail_to`, found out by a child process with limits (30 s, 3 GiB).

    Raises MediaInvalid (MediaTooLarge) for what `probe` refuses, and for a file that makes its decoder crash or run out of its limits.
    """
    command = [sys.executable, "-m", "generation.media", str(path.resolve()), str(thumbnail_to.resolve())]
    try:
        child = subprocess.run(command, cwd=HOME, env={}, capture_output=True, timeout=TIME_LIMIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise MediaInvalid(reason="it takes too long to be opened") from error
    answer = _answer(child.stdout)
    if "reason" in answer:
        raise (MediaTooLarge if answer.get("is_too_large") else MediaInvalid)(reason=answer["reason"])
    return Judged(Probe(**answer), thumbnail_to)


def _answer(output: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        return {"reason": DAMAGED}
    return answer
