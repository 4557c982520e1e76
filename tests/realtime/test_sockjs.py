"""SockJS's own rules over real HTTP: URLs, headers, sessions. No user is needed: a session begins before CONNECT."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from operations.services.installation import installation_mark
from tests.harness import CopiedDatabase
from tests.realtime.test_events import Server
from tests.realtime.test_sockjs_protocol import when_noticed

pytestmark = [pytest.mark.slow]
GO = '["CONNECT\\n\\n\\u0000"]'  # refused: an ERROR frame, then the end


@pytest.fixture
def server(request: pytest.FixtureRequest, committed_db: CopiedDatabase) -> Iterator[Server]:
    """A realtime process with the settings that the test asks for."""
    installation_mark()
    running = Server({**committed_db.environment, **getattr(request, "param", {})})
    yield running
    assert running.process.poll() is None
    running.process.terminate()
    running.process.wait(20)


def session(server: Server) -> str:
    return f"{server.url}/ws/000/{uuid.uuid4().hex}"


def opened(server: Server) -> str:
    base = session(server)
    assert httpx.post(f"{base}/xhr").text == "o\n"
    return base


def test_greeting_info_and_what_is_not_there(server: Server) -> None:
    for path in ("/ws", "/ws/"):
        answer = httpx.get(server.url + path)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
            200,
            "Welcome to SockJS!\n",
            "text/plain; charset=UTF-8",
        )
    info = httpx.get(f"{server.url}/ws/info", headers={"Origin": "http://page.example"})
    body = info.json()
    assert {**body, "entropy": 0} == {"websocket": True, "origins": ["*:*"], "cookie_needed": False, "entropy": 0}
    assert 0 <= body["entropy"] < 2**32
    assert httpx.get(f"{server.url}/ws/info").json()["entropy"] != body["entropy"]
    assert "no-store" in info.headers["cache-control"]
    assert info.headers["access-control-allow-origin"] == "http://page.example"
    assert info.headers["access-control-allow-credentials"] == "true"
    assert "set-cookie" not in info.headers
    for path in ("/ws/a", "/ws//s/xhr", "/ws/0/a.b/xhr", "/ws/0/s/xhr/", "/ws/0/s/nothing", "/ws/0/s", "/ws/iframe.html"):
        assert httpx.post(server.url + path).status_code == 404, path
    for path in ("/ws/websocket", "/ws/0/s/websocket"):
        assert httpx.get(server.url + path).status_code == 400
        answer = httpx.post(server.url + path)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")


@pytest.mark.parametrize(
    ("path", "methods"),
    [("info", "OPTIONS, GET"), ("0/s/xhr", "OPTIONS, POST"), ("0/s/xhr_send", "OPTIONS, POST"), ("0/s/xhr_streaming", "OPTIONS, POST")],
)
def test_preflights_are_answered_for_a_year(server: Server, path: str, methods: str) -> None:
    headers = {"Origin": "http://page.example", "Access-Control-Request-Headers": "x-a, x-b"}
    answer = httpx.options(f"{server.url}/ws/{path}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    found = answer.headers
    assert (found["access-control-allow-methods"], found["access-control-allow-headers"]) == (methods, "x-a, x-b")
    assert (found["cache-control"], found["access-control-max-age"]) == ("max-age=31536000, public", "31536000")
    assert "expires" in found


def test_sending_needs_a_session_and_json(server: Server) -> None:
    assert httpx.post(f"{session(server)}/xhr_send", content='["x"]').status_code == 404
    base = opened(server)
    for content, text in [
        ("", "Payload expected."),
        ("[", "Broken JSON encoding."),
        ("[1]", "Broken JSON encoding."),
        ("[" * 200_000, "Broken JSON encoding."),
    ]:
        answer = httpx.post(f"{base}/xhr_send", content=content)
        assert (answer.status_code, answer.text) == (500, text)
    assert httpx.post(f"{base}/xhr_send", content=b"\xff").status_code == 500
    assert httpx.post(f"{base}/xhr_send", content='["' + "x" * 256 * 1024 + '"]').status_code == 413
    answer = httpx.post(f"{base}/xhr_send", content="[]", headers={"content-type": "text/anything"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (204, b"", "text/plain; charset=UTF-8")


def test_what_waits_leaves_before_the_end_and_the_end_is_repeated(server: Server) -> None:
    base = opened(server)
    assert httpx.post(f"{base}/xhr_send", content=GO).status_code == 204
    frame = httpx.post(f"{base}/xhr").text
    assert frame[0] == "a"
    assert json.loads(frame[1:])[0].startswith("ERROR\n")
    for _ in range(2):
        assert httpx.post(f"{base}/xhr").text == 'c[1008,"Refused"]\n'


def poll(base: str, found: list[Any], transport: str = "xhr") -> threading.Thread:
    is_answered = threading.Event()

    def run() -> None:
        with httpx.stream("POST", f"{base}/{transport}", timeout=60) as answer:
            is_answered.set()  # the head has come: this is the session's receiver
            found.append(answer.read().decode())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert is_answered.wait(30)
    return thread


def test_a_second_receiver_is_turned_away_and_the_first_stays(server: Server) -> None:
    base = opened(server)
    found: list[str] = []
    first = poll(base, found)
    assert httpx.post(f"{base}/xhr").text == 'c[2010,"Another connection still open"]\n'
    assert httpx.post(f"{base}/xhr_streaming").text == "h" * 2048 + '\nc[2010,"Another connection still open"]\n'
    httpx.post(f"{base}/xhr_send", content=GO)
    first.join(30)
    assert found[0][0] == "a"


def test_a_session_whose_receiver_was_cut_is_over(server: Server) -> None:
    base = opened(server)
    with httpx.stream("POST", f"{base}/xhr", timeout=30):
        """The receiver stands, and is cut."""
    assert when_noticed(lambda: httpx.post(f"{base}/xhr").text) == 'c[1002,"Connection interrupted"]\n'


@pytest.mark.parametrize("server", [{"REALTIME_SESSION_LIFE_S": "3"}], indirect=True)
def test_without_a_receiver_a_session_lives_for_its_time(server: Server) -> None:
    began = time.monotonic()
    base = opened(server)
    while (status := httpx.post(f"{base}/xhr_send", content="[]").status_code) == 204:
        assert time.monotonic() < began + 30, "sending does not keep it alive"
        time.sleep(0.2)
    assert status == 404
    assert time.monotonic() > began + 3
    assert httpx.post(f"{base}/xhr").text == "o\n"


STREAMS = {
    "xhr_streaming": ("POST", "application/javascript; charset=UTF-8", ["h" * 2048 + "\n", "o\n", 'a["ERROR', 'c[1008,"Refused"]\n']),
    "eventsource": (
        "GET",
        "text/event-stream",
        ["\r\n", "data: o\r\n\r\n", 'data: a["ERROR', 'data: c[1008,"Refused"]\r\n\r\n'],
    ),
    "htmlfile?c=cb.x": (
        "GET",
        "text/html; charset=UTF-8",
        ["<!doctype html>", '<script>\np("o");\n</script>\r\n', 'p("a[\\"ERROR', "c[1008"],
    ),
}


@pytest.mark.parametrize("transport", STREAMS)
def test_streams_dress_their_frames(server: Server, transport: str) -> None:
    method, content_type, parts = STREAMS[transport]
    base, text, is_asked = session(server), "", False
    with httpx.stream(method, f"{base}/{transport}", timeout=30) as answer:
        assert answer.headers["content-type"] == content_type
        assert "no-store" in answer.headers["cache-control"]
        for chunk in answer.iter_text():
            text += chunk
            if not is_asked and parts[1] in text:
                is_asked = True
                assert httpx.post(f"{base}/xhr_send", content=GO).status_code == 204
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    if "htmlfile" in transport:
        assert places[1] >= 1024
        assert "parent.cb.x;" in text


def test_jsonp_calls_back_and_sends_forms(server: Server) -> None:
    base = session(server)
    answer = httpx.get(f"{base}/jsonp?c=cb")
    assert (answer.text, answer.headers["content-type"]) == ('/**/cb("o");\r\n', "application/javascript; charset=UTF-8")
    for query in ("", "?c=alert(1)", "?c=%3Cscript%3E"):
        for transport in ("jsonp", "htmlfile"):
            assert httpx.get(f"{session(server)}/{transport}{query}").status_code == 500
    for content in ({"d": ""}, {"x": "1"}):
        assert httpx.post(f"{base}/jsonp_send", data=content).text == "Payload expected."
    assert httpx.post(f"{base}/jsonp_send", data={"d": "["}).text == "Broken JSON encoding."
    assert httpx.post(f"{base}/jsonp_send", data={"d": GO}).text == "ok"
    assert httpx.get(f"{base}/jsonp?c=cb").text.startswith('/**/cb("a[\\"ERROR')
