"""Who opens a stream and how long the proof holds, whatever stands in the headers."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import MutableMapping
from typing import Any

import pytest

from accounts.models import Session
from accounts.realtime.callers import Proof, caller_of, standing
from accounts.services.session import session_open, session_revoke
from config.asgi import application
from config.kernel import clock
from config.kernel.errors import NotSignedIn
from tests.conftest import UserFactory

HANDSHAKE = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]


@pytest.mark.django_db
def test_a_stream_lasts_as_long_as_the_token_that_opened_it_though_its_session_can_no_longer_be_renewed(user_factory: UserFactory) -> None:
    tokens = session_open(user=user_factory(), form="header", access_life_s=3600, refresh_life_s=86_400)
    proof = Proof.of(caller_of({"authorization": f"Bearer {tokens.access_token}"}).principal)
    for since_s, holds in ((-60, True), (60, True), (3540, True), (3660, False)):
        Session.objects.update(expires_at=clock.real_now() - dt.timedelta(seconds=since_s))
        assert standing({proof}) == ({proof} if holds else set()), since_s
    Session.objects.update(expires_at=clock.real_now() + dt.timedelta(days=1))
    session_revoke(user_id=proof.user_id, session_id=tokens.session_id)
    assert standing({proof}) == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": 'sessionid="aaaaaaaaaaaaaaa\\000"', "host": "a"},
        {"cookie": "sessionid=aaaaaaaaaaaaaaa", "host": "a", "origin": "http://["},
        {"cookie": "\xff=\xff;;=", "host": "a", "origin": "\xff"},
        {"authorization": "Bearer \xff.\xff.\xff"},
        {"authorization": "Bearer ak_\xff"},
        {"authorization": "\xff"},
    ],
)
def test_headers_that_make_no_sense_prove_nobody(headers: dict[str, str]) -> None:
    with pytest.raises(NotSignedIn):
        caller_of(headers)


@pytest.mark.parametrize("host", [b"[", b"[x", b"evil.example", b"evil.example@localhost", b"", b"\xff"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_host_that_is_not_ours_is_refused_at_every_door(kind: str, host: bytes) -> None:
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(event: MutableMapping[str, Any]) -> None:
        said.append(event)

    scope = {"type": kind, "method": "GET", "path": "/ws/websocket", "headers": [(b"host", host), *HANDSHAKE]}
    asyncio.run(application(scope, receive, send))
    assert said[0]["type"] == ("http.response.start" if kind == "http" else "websocket.close")
    assert said[0].get("status") == (400 if kind == "http" else None)
