"""Celery: the worker's and beat's application. The database is the queue; the broker carries wake-ups."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


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


app = Celery("atelier")
app.conf.update(
    broker_url=broker_url(),
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 5},
    timezone="UTC",
    enable_utc=True,
)
app.autodiscover_tasks()
