"""The real Celery application with the engines of tests, for worker processes: `celery -A tests.generation.life.app`."""

from config.celery import app
from generation.engines import registry

registry.ADAPTERS["stub"] = "tests.generation.life.engines:Stub"

__all__ = ["app"]
