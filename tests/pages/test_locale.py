"""Every text has its Chinese words, with the same places for numbers."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from config.launcher.messages import entries
from generation.web.wording import ENGINE_TEXTS

CATALOGUE = Path(settings.BASE_DIR) / "locale/zh_Hans/LC_MESSAGES/django.po"
PLACE = re.compile(r"%(?:\(\w+\))?[sd]")
IN_TEMPLATES = re.compile(r"""\{%\s*translate\s+"((?:[^"\\]|\\.)*)"(?:\s+context\s+"([^"]*)")?""")

REFUSALS = re.compile(r"""(?:Rejected\(|REFUSAL_TEXT = )"([^"]+)"(?!\.)""")
NEVER_SHOWN = {"This engine takes no orders from afar.", "This engine works elsewhere."}
"""What only a mistake of our own would say."""


def test_nothing_is_left_untranslated_or_guessed() -> None:
    text = CATALOGUE.read_text()
    assert "#, fuzzy" not in text
    for entry in entries(text):
        if entry["msgid"]:
            assert all(entry[key] for key in entry if key.startswith("msgstr")), entry["msgid"]


def test_numbers_keep_their_places() -> None:
    for entry in entries(CATALOGUE.read_text()):
        if not entry["msgid"]:
            continue
        source = entry.get("msgid_plural", entry["msgid"])
        for key in entry:
            if key.startswith("msgstr"):
                assert sorted(PLACE.findall(entry[key])) == sorted(PLACE.findall(source)), entry["msgid"]


def test_every_text_of_the_templates_is_in_the_catalogue() -> None:
    known = {(entry.get("msgctxt", ""), entry["msgid"]) for entry in entries(CATALOGUE.read_text())}
    for path in sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html")):
        for words, context in IN_TEMPLATES.findall(path.read_text()):
            assert (context, words) in known, f"{path.name}: {words}"


def test_every_refusal_of_our_own_engines_is_known_to_the_pages() -> None:
    known = {*ENGINE_TEXTS, *NEVER_SHOWN}
    for path in sorted((Path(settings.BASE_DIR) / "generation/engines").rglob("*.py")):
        for words in REFUSALS.findall(path.read_text()):
            assert words in known, f"{path.name}: {words}"
