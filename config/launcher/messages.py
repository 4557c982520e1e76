"""Message catalogues: `.po` → `.mo`, without gettext's tools, which a bare machine lacks."""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator
from pathlib import Path

CONTEXT_MARK = "\x04"
KEYWORDS = ("msgctxt", "msgid_plural", "msgid", "msgstr")
Entry = dict[str, str]


def entries(text: str) -> Iterator[Entry]:
    """The entries of a `.po` text: keyword (`msgstr[1]` too) → its joined text. Fuzzy and obsolete ones are left out, never the header."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = block.splitlines()
        found = _entry(lines)
        is_fuzzy = any(line.startswith("#,") and "fuzzy" in line for line in lines)
        if "msgid" in found and not (is_fuzzy and found["msgid"]):
            yield found


def _entry(lines: list[str]) -> Entry:
    found: Entry = {}
    keyword = ""
    for line in lines:
        if line.startswith(KEYWORDS):
            keyword, _, line = line.partition(" ")
            found[keyword] = ""
        if keyword and line.startswith('"'):
            found[keyword] += ast.literal_eval(line)
    return found


def catalogue(text: str) -> dict[str, str]:
    """What a `.mo` file maps: original (context and plural joined as gettext does) → translation. Untranslated ones are left out."""
    found: dict[str, str] = {}
    for entry in entries(text):
        original = entry["msgid"]
        if "msgctxt" in entry:
            original = entry["msgctxt"] + CONTEXT_MARK + original
        if "msgid_plural" in entry:
            original += "\0" + entry["msgid_plural"]
        forms = [entry[key] for key in sorted(key for key in entry if key.startswith("msgstr"))]
        if all(forms):
            found[original] = "\0".join(forms)
    return found


def compiled(found: dict[str, str]) -> bytes:
    """The bytes of a `.mo` file: header, index of originals, index of translations, texts."""
    pairs = sorted((original.encode(), translation.encode()) for original, translation in found.items())
    originals_at = 28
    translations_at = originals_at + 8 * len(pairs)
    at = translations_at + 8 * len(pairs)
    index, texts = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            index[column] += struct.pack("<II", len(pair[column]), at + len(texts))
            texts += pair[column] + b"\0"
    return struct.pack("<IIIIIII", 0x950412DE, 0, len(pairs), originals_at, translations_at, 0, 0) + index[0] + index[1] + texts


def compile_all(root: Path) -> int:
    """Every `.mo` under `root`/locale is as new as its `.po`; the number that had to be written."""
    written = 0
    for source in sorted(root.glob("locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            target.write_bytes(compiled(catalogue(source.read_text(encoding="utf-8"))))
            written += 1
    return written


if __name__ == "__main__":
    compile_all(Path(__file__).resolve().parents[2])
