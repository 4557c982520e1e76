"""The requests through which the client of a SockJS session sends."""

from __future__ import annotations

from urllib.parse import parse_qs

from accounts.realtime.sockjs.http import TEXT, BadBody, Exchange
from accounts.realtime.sockjs.session import Crowded, Session, unpacked


class NothingSaid(Exception):
    """There is no payload."""


async def send_to(exchange: Exchange, session: Session | None, kind: str) -> None:
    """What the request carries is said in `session`; what cannot be understood is refused, and the session lives on."""
    if session is None:
        await exchange.plain(404, b"", exchange.session(TEXT))
        return
    try:
        body = (await exchange.body()).decode()
        await session.hear(unpacked(_form(exchange, body) if kind == "jsonp_send" else _needed(body)))
    except BadBody as error:
        await exchange.plain(error.status, error.text, exchange.session(TEXT))
    except NothingSaid:
        await exchange.plain(500, b"Payload expected.", exchange.session(TEXT))
    except ValueError:
        await exchange.plain(500, b"Broken JSON encoding.", exchange.session(TEXT))
    except Crowded:
        await exchange.plain(429, b"Too many requests at once.", exchange.session(TEXT))
    else:
        await exchange.plain(*((204, b"") if kind == "xhr_send" else (200, b"ok")), exchange.session(TEXT))


def _form(exchange: Exchange, text: str) -> str:
    """What an old form carries in its field `d`, or the plain body. Raises NothingSaid, ValueError."""
    if "urlencoded" in exchange.headers.get("content-type", ""):
        text = next(iter(parse_qs(text, max_num_fields=10).get("d", [""])))
    return _needed(text)


def _needed(text: str) -> str:
    """`text`. Raises NothingSaid when there is none."""
    if not text:
        raise NothingSaid()
    return text
