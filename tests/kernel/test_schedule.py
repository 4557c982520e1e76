"""Beat only sends what some worker knows."""

from __future__ import annotations

from config.celery import SCHEDULE, app


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in SCHEDULE.values()} <= set(app.tasks)
