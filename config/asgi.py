"""Everything on one port: streams as plain ASGI, the rest by Django. Production serves the rest from `config.wsgi`."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django: Any = get_asgi_application()

from accounts.realtime.events import events, hub  # noqa: E402  needs Django's apps
from generation.web.upload_guard import UploadGuard  # noqa: E402
from operations.services.installation import installation_check  # noqa: E402

django_application: Any = UploadGuard(_django)
logger = logging.getLogger(__name__)
Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
STREAMS: dict[str, Application] = {"/api/v1/events": events}
"""Path → plain ASGI application that answers before Django sees the request."""


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The one ASGI application of this platform."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await STREAMS.get(scope["path"], django_application)(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1000})


async def _lifespan(receive: Any, send: Any) -> None:
    """Start only beside a database that is this mode's."""
    await receive()
    try:
        await asyncio.to_thread(installation_check)
    except BaseException as error:
        logger.exception("this process does not start")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await hub.close()
    await send({"type": "lifespan.shutdown.complete"})
