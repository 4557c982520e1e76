"""Demo mode's gateway: every message is a line in `$DATA_DIR/sms/<E.164>.jsonl`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from django.conf import settings

from accounts.sms.base import Message
from config.kernel import clock


class FileGateway:
    """Appends `{"at", "phone", "code", "text"}`; the folder and its files are readable by the owner only."""

    def send(self, message: Message) -> None:
        folder = Path(settings.DATA_DIR) / "sms"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = {
            "at": clock.iso_z(clock.real_now()),
            "phone": message.phone,
            "code": message.code,
            "text": f"Your code is {message.code}. It works for {message.life_s // 60} minutes.",
        }
        handle = os.open(folder / f"{message.phone}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
        finally:
            os.close(handle)
