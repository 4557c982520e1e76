"""What may go wrong between a gateway and us. Each gateway's tests show every one, and say what happened."""

from __future__ import annotations

import json
from pathlib import Path

FAULTS = (
    "wrong_signature",
    "stale_timestamp",
    "replay",
    "wrong_amount",
    "wrong_currency",
    "wrong_order",
    "wrong_merchant",
    "out_of_order",
    "lost",
    "duplicated_20_at_once",
    "before_our_own_answer",
)
MATRIX = Path(__file__).resolve().parents[2] / "build" / "faults.jsonl"


def table() -> str:
    """The matrix gateway × fault as Markdown, of the newest run of each cell."""
    rows = [json.loads(line) for line in MATRIX.read_text().splitlines()] if MATRIX.exists() else []
    cells = {(row["gateway"], row["fault"]): row["happened"] for row in rows}
    gateways = sorted({gateway for gateway, _ in cells})
    lines = [f"| fault | {' | '.join(gateways)} |", f"|---|{'---|' * len(gateways)}"]
    lines += [f"| {fault.replace('_', ' ')} | {' | '.join(cells.get((each, fault), '–') for each in gateways)} |" for fault in FAULTS]
    return "\n".join(lines)


def told(gateway: str, fault: str, happened: str) -> None:
    """One cell of the matrix is written down, for `build/faults.jsonl`: what was seen, not what was hoped for."""
    assert fault in FAULTS, fault
    MATRIX.parent.mkdir(exist_ok=True)
    with MATRIX.open("a") as file:
        file.write(json.dumps({"gateway": gateway, "fault": fault, "happened": happened}) + "\n")


if __name__ == "__main__":
    print(table())
