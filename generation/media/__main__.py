"""The child process of `judge`: prints what a file is, or why it is refused, as one JSON object. It knows no Django."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from generation.exceptions_media import MediaInvalid, MediaTooLarge
from generation.media.judge import DAMAGED
from generation.media.probe import probe
from generation.media.thumbnail import thumbnail

CPU_LIMIT_S = 25
MEMORY_LIMIT_BYTES = 3 * 1024**3


def main(path: str, thumbnail_to: str) -> None:
    """Bounds itself, then opens the file."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = probe(Path(path))
        thumbnail(Path(path), found, Path(thumbnail_to))
        answer = asdict(found)
    except MediaInvalid as error:
        answer = {"reason": error.params["reason"], "is_too_large": isinstance(error, MediaTooLarge)}
    except Exception:  # whatever a decoder raised, the file is at fault
        answer = {"reason": DAMAGED}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:3])
