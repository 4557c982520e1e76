"""What a task is called: the beginning of its prompt."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

from generation.models import Task
from generation.web.wording import kind_label

TITLE_WIDTH = 30
"""Latin letters; a Han character is as wide as two."""
DIRECTIVE = re.compile(r"\[\[[^\]]*\]\]")
"""What drives the built-in engine's faults in demo mode is no part of a title."""


def title_of(task: Task) -> str:
    """The first words of the prompt, else the kind."""
    prompt = " ".join(DIRECTIVE.sub("", str(task.params.get("prompt", ""))).split())
    if not prompt:
        return kind_label(task.kind)
    widths = accumulate(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in prompt)
    fitting = sum(width <= TITLE_WIDTH for width in widths)
    return prompt if fitting == len(prompt) else prompt[:fitting].rstrip("，,、。. ") + "…"
