"""What the stock clients received, transport by transport. `python -m tests.clients.seen` prints the newest run."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from config.launcher.places import ROOT

SEEN = ROOT / "build" / "clients.jsonl"
COLUMNS = ("where", "client", "transport", "story", "received")


def received(messages: list[dict[str, Any]]) -> str:
    """Messages in few words: how many of which, and the numbers of the first and the last."""
    if not messages:
        return "nothing"
    counts = Counter(one["type"] for one in messages)
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{words} (events {messages[0]['number']}–{messages[-1]['number']})"


def told(where: str, client: str, transport: str, story: str, words: str) -> None:
    """One row is written down: what was seen, not what was hoped for."""
    SEEN.parent.mkdir(exist_ok=True)
    with SEEN.open("a") as file:
        file.write(json.dumps(dict(zip(COLUMNS, (where, client, transport, story, words), strict=True)), ensure_ascii=False) + "\n")


def table() -> str:
    """One line a client and transport, one column a story, the newest run of each, as Markdown."""
    rows = [json.loads(line) for line in SEEN.read_text().splitlines()] if SEEN.exists() else []
    cells = {tuple(row[name] for name in COLUMNS[:4]): row["received"] for row in rows}
    stories = list(dict.fromkeys(row["story"] for row in rows))
    heads = list(dict.fromkeys(key[:3] for key in cells))
    lines = [f"| where | client | transport | {' | '.join(stories)} |", "|---" * (3 + len(stories)) + "|"]
    lines += [f"| {' | '.join([*head, *(cells.get((*head, story), '–') for story in stories)])} |" for head in heads]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
