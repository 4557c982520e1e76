"""Celery: the worker's and beat's application. The database is the queue; the broker carries wake-ups."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_init
from django.conf import settings
from kombu.entity import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

WORK = "work"
"""The queue of what takes long (engines). Everything else is short and waits in `celery`, so that neither starves the other:
a worker without `-Q` serves both, two workers with `-Q work` and `-Q celery` keep them apart."""


def broker_url() -> str:
    """`CELERY_BROKER_URL`, or `REDIS_URL` in kombu's spelling (`redis+socket://` for a unix socket)."""
    if settings.CELERY_BROKER_URL:
        return settings.CELERY_BROKER_URL
    url = settings.REDIS_URL
    if url.startswith("unix://"):
        address, _, query = url.removeprefix("unix://").partition("?")
        database = next((part[3:] for part in query.split("&") if part.startswith("db=")), "0")
        return f"redis+socket://{address}?virtual_host={database}"
    return url


def every(task: str, seconds: float) -> dict[str, Any]:
    """An entry of the schedule. A run that no worker took in time is dropped: the next ones do the same."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 10.0)}}


def daily(task: str, hour_utc: int, minute: int) -> dict[str, Any]:
    """An entry of the schedule, once a day (UTC)."""
    return {"task": task, "schedule": crontab(hour=hour_utc, minute=minute), "options": {"expires": 3600.0}}


SCHEDULE: dict[str, dict[str, Any]] = {
    "tasks": every("generation.sweep", 2.0),
    "outbox": every("accounts.outbox", 2.0),
    "webhooks": every("accounts.webhooks", 2.0),
    "notices": every("payments.act_on_notices", 60.0),
    "orders": every("payments.expire_orders", 60.0),
    "unheard": every("payments.ask_orders", 60.0),
    "refunds": every("payments.ask_refunds", 60.0),
    "payouts": every("payments.ask_payouts", 60.0),
    "statements": every("payments.compare_statements", 3600.0),
    "alarms": every("payments.mail_alarms", 60.0),
    "subscriptions": every("payments.subscriptions", 60.0),
    "coins": every("credits.mature", 60.0),
    "leftovers": every("generation.sweep_slowly", 3600.0),
    "erasure": every("accounts.erase", 60.0 if settings.DEMO else 3600.0),  # the clock of demo mode can be moved
    "accounts": every("accounts.sweep", 3600.0),
    "old_notices": daily("payments.sweep_notices", 19, 20),
    "digest": daily("credits.digest", 16, 5),  # 00:05 in Asia/Shanghai: the day before is complete
    "books": every("credits.check_books", 3600.0),
    **({"sandbox_refunds": every("payments.end_sandbox_refunds", 60.0)} if settings.DEMO else {}),
}

app = Celery("atelier")
app.conf.update(
    broker_url=broker_url(),
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    task_queues=tuple(Queue(name, Exchange(name), routing_key=name) for name in ("celery", WORK)),  # type: ignore[no-untyped-call]
    task_default_queue="celery",
    task_default_exchange="celery",
    task_default_routing_key="celery",
    task_routes={"generation.work": {"queue": WORK}},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 5},
    beat_schedule=SCHEDULE,
    timezone="UTC",
    enable_utc=True,
)
app.autodiscover_tasks()


@worker_init.connect  # type: ignore[untyped-decorator]
def check_installation(**_: Any) -> None:
    """A worker starts only beside a database that is this mode's."""
    from operations.services.installation import installation_check  # needs Django's apps

    installation_check()
