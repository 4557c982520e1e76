"""A process starts beside a prepared database only."""

from __future__ import annotations

from typing import Any

import pytest

from operations.services.installation import WrongInstallation, installation_check, installation_mark
from tests.harness import CopiedDatabase


def test_refuses_a_database_without_a_mark(committed_db: CopiedDatabase) -> None:
    with pytest.raises(WrongInstallation, match="not prepared"):
        installation_check()


def test_accepts_its_own_mark_only(committed_db: CopiedDatabase, settings: Any) -> None:
    installation_mark()
    installation_check()
    settings.DEMO = False
    with pytest.raises(WrongInstallation, match="production refuses"):
        installation_check()
