"""The quota holds when many uploads of one user end at the same moment."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from generation.exceptions_media import QuotaExceeded
from generation.models import Asset
from generation.services import asset as service
from generation.services.asset import asset_create_from_path
from tests.generation.media.conftest import MakeImage
from tests.generation.media.test_asset import stored


def _race(user_id: int, path: Path, count: int) -> list[str]:
    """`count` uploads of one user at once, room for two; what became of each."""
    outcomes: list[str] = []
    barrier = threading.Barrier(count)

    def go() -> None:
        try:
            barrier.wait()
            asset_create_from_path(user_id=user_id, path=path, source=Asset.Source.UPLOAD, quota_bytes=path.stat().st_size * 2)
            outcomes.append("stored")
        except QuotaExceeded:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_uploads_at_once_do_not_pass_the_quota_together(committed_db: Any, user_factory: Any, make_image: MakeImage) -> None:
    user = user_factory()
    assert _race(user.pk, make_image(), 6) == ["refused"] * 4 + ["stored"] * 2
    assert Asset.objects.filter(source="upload").count() == 2
    assert len(stored()) == 4


def test_without_the_lock_they_would(committed_db: Any, user_factory: Any, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof that the race above is one: all six count before any of them has inserted."""
    user = user_factory()
    counted = threading.Barrier(6)
    real = service._row

    def after_all_counted(user_id: int, owner: Any, source: Any, *rest: Any) -> Asset:
        if source == Asset.Source.THUMBNAIL:
            counted.wait(20)
        return real(user_id, owner, source, *rest)

    monkeypatch.setattr(service.sql, "fetch_one", lambda *_: None)
    monkeypatch.setattr(service, "_row", after_all_counted)
    assert _race(user.pk, make_image(), 6) == ["stored"] * 6
