"""Everything on one port: streams as plain ASGI, the rest by Django. Production serves the rest from `config.wsgi`."""

import asyncio
import logging
import os
import resource
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django: Any = get_asgi_application()

from accounts.realtime.callers import host_is_ours  # noqa: E402  needs Django's apps
from accounts.realtime.events import events  # noqa: E402
from accounts.realtime.hub import hub  # noqa: E402
from accounts.realtime.leaving import say_goodbye_first  # noqa: E402
from accounts.realtime.sockjs.endpoint import Endpoint, connections  # noqa: E402
from accounts.realtime.sockjs.suite_paths import endpoints as suite_endpoints  # noqa: E402
from accounts.realtime.stomp.conversation import Conversation  # noqa: E402
from config.kernel.collector import collect_seldom  # noqa: E402
from generation.web.upload_guard import UploadGuard  # noqa: E402
from operations.services.installation import installation_check  # noqa: E402

django_application: Any = UploadGuard(_django)
logger = logging.getLogger(__name__)
Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
STREAMS: dict[str, Application] = {"/api/v1/events": events}
"""Path → plain ASGI application that answers before Django sees the request."""
SOCKETS = [
    Endpoint("/ws", Conversation, needs_cookie=settings.SOCKJS_COOKIE, client_url=settings.SOCKJS_CLIENT_URL),
    *(suite_endpoints() if settings.DEBUG else []),
]
"""STOMP over SockJS: document 002 §8."""


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The one ASGI application of this platform."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and not _host_is_ours(scope):
        await _refuse_host(send)
    elif (endpoint := next((one for one in SOCKETS if one.owns(scope["path"])), None)) and _host_is_ours(scope):
        await endpoint(scope, receive, send)
    elif scope["type"] == "http":
        await STREAMS.get(scope["path"], django_application)(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1000})


def _host_is_ours(scope: MutableMapping[str, Any]) -> bool:
    """Demo mode answers loopback names only, so that no foreign page reaches it under a name of its own."""
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(named) == 1 and host_is_ours(named[0], settings.ALLOWED_HOSTS)


async def _refuse_host(send: Any) -> None:
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/plain; charset=utf-8")]})
    await send({"type": "http.response.body", "body": b"This host is not served here."})


async def _lifespan(receive: Any, send: Any) -> None:
    """Start only beside a database that is this mode's."""
    await receive()
    try:
        await asyncio.to_thread(installation_check)
    except BaseException as error:
        logger.exception("this process does not start")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # each connection is one
    say_goodbye_first(_goodbye)
    collect_seldom()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.gather(*(endpoint.close() for endpoint in SOCKETS))
    await hub.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _goodbye() -> None:
    """Every socket has its close frame, and a moment to take it; every stream has ended."""
    if len(connections):
        await connections.end_all(settings.REALTIME_LEAVING_S)
        await asyncio.sleep(0.1)
    await hub.close()
