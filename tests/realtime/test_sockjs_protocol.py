"""Every rule that the protocol's official suite checks, kept here in our own words (`make sockjs-suite` runs the suite itself)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.test import override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.realtime.echo import EchoServer, Wire

YEAR = "max-age=31536000, public"
NEVER = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
TEXT, SCRIPT = "text/plain; charset=UTF-8", "application/javascript; charset=UTF-8"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STILL_OPEN = 'c[2010,"Another connection still open"]\n'
INTERRUPTED = 'c[1002,"Connection interrupted"]\n'
GO_AWAY = 'c[3000,"Go away!"]\n'
X = '["x"]'


@pytest.fixture(scope="module", params=["h11", "httptools"])
def server(request: pytest.FixtureRequest) -> Iterator[EchoServer]:
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        running = EchoServer(http=request.param)
        yield running
        running.close()


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    # a connection is not used again shortly before the server gives up waiting on it
    with httpx.Client(timeout=30, limits=httpx.Limits(keepalive_expiry=1)) as client:
        yield client


def polled(web: httpx.Client, base: str) -> str:
    answer = web.post(f"{base}/xhr")
    assert answer.status_code == 200
    return answer.text


def opened(server: EchoServer, web: httpx.Client, base: str = "/echo") -> str:
    session = server.session(base)
    assert polled(web, session) == "o\n"
    return session


def said(web: httpx.Client, base: str, text: str) -> None:
    answer = web.post(f"{base}/xhr_send", content=text)
    assert (answer.status_code, answer.content) == (204, b"")


def socket(server: EchoServer, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", compression=None)


# Pages.


def test_the_greeting(server: EchoServer, web: httpx.Client) -> None:
    for path in ("/echo", "/echo/"):
        answer = web.get(server.url + path)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "Welcome to SockJS!\n", TEXT)
        assert "set-cookie" not in answer.headers
        head = web.head(server.url + path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "19")


@pytest.mark.parametrize("path", ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/x/y/z/xhr", "/a/b/nothing"])
def test_nothing_else_is_there(server: EchoServer, web: httpx.Client, path: str) -> None:
    assert web.get(f"{server.url}/echo{path}").status_code == 404


@pytest.mark.parametrize("name", ["", "-a", "-", "-0.1.2", "-0.1.2abc-dirty.2144"])
@pytest.mark.parametrize("query", ["", "?t=1234"])
def test_the_iframe_page_lasts_a_year(server: EchoServer, web: httpx.Client, name: str, query: str) -> None:
    answer = web.get(f"{server.url}/echo/iframe{name}.html{query}")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "text/html; charset=UTF-8", YEAR)
    assert {"expires", "etag"} <= set(answer.headers)
    assert not {"last-modified", "set-cookie"} & set(answer.headers)
    script = re.search(r'<script src="([^"]+)"></script>', answer.text)
    assert script is not None
    assert script[1].startswith(("/", "http"))
    assert answer.text.startswith("<!DOCTYPE html>\n<html>\n<head>\n")
    assert "SockJS.bootstrap_iframe();" in answer.text


def test_the_iframe_page_is_not_sent_twice(server: EchoServer, web: httpx.Client) -> None:
    url = f"{server.url}/echo/iframe.html"
    tag = web.get(url).headers["etag"]
    assert web.get(url).headers["etag"] == tag
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = web.get(url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert "content-type" not in answer.headers
    assert web.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/iframe.htm", "/iframe", "/IFRAME.HTML", "/IFRAME", "/iframe.HTML", "/iframe.xml", "/iframe-/.html"])
def test_what_is_no_iframe_page(server: EchoServer, web: httpx.Client, path: str) -> None:
    assert web.get(f"{server.url}/echo{path}").status_code == 404
    assert web.get(f"{server.url}/close/iframe.html").status_code == 404  # a service without a client to load


def test_info(server: EchoServer, web: httpx.Client) -> None:
    answer = web.get(f"{server.url}/echo/info", headers={"Origin": "test"})
    body = answer.json()
    assert {**body, "entropy": 0} == {"websocket": True, "origins": ["*:*"], "cookie_needed": False, "entropy": 0}
    assert isinstance(body["entropy"], int)
    assert 0 <= body["entropy"] < 2**32
    assert web.get(f"{server.url}/echo/info").json()["entropy"] != body["entropy"]
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json; charset=UTF-8", NEVER)
    assert not {"set-cookie", "expires", "last-modified"} & set(answer.headers)
    assert cors(answer) == ("test", "true")
    assert cors(web.get(f"{server.url}/echo/info")) == ("*", None)


def test_info_of_other_services(server: EchoServer, web: httpx.Client) -> None:
    assert web.get(f"{server.url}/disabled_websocket_echo/info").json()["websocket"] is False
    answer = web.get(f"{server.url}/cookie_needed_echo/info")
    assert answer.json()["cookie_needed"] is True
    assert "set-cookie" not in answer.headers


def cors(answer: httpx.Response) -> tuple[str | None, str | None]:
    return answer.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-credentials")


PREFLIGHTED = [
    ("/info", "GET"),
    ("/abc/abc/xhr", "POST"),
    ("/abc/abc/xhr_send", "POST"),
    ("/abc/abc/xhr_streaming", "POST"),
    ("/abc/abc/jsonp_send", "POST"),
    ("/abc/abc/eventsource", "GET"),
]


@pytest.mark.parametrize(("path", "method"), PREFLIGHTED)
@pytest.mark.parametrize("origin", ["test", "null"])
def test_preflights(server: EchoServer, web: httpx.Client, path: str, method: str, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = web.options(f"{server.url}/echo{path}", headers=asked)
    assert (answer.status_code, answer.content, cors(answer)) == (204, b"", (origin, "true"))
    assert answer.headers["access-control-allow-methods"] == f"OPTIONS, {method}"
    assert (answer.headers["cache-control"], answer.headers["access-control-max-age"]) == (YEAR, "31536000")
    assert "expires" in answer.headers
    assert "access-control-allow-headers" not in answer.headers
    for wished, allowed in (("a, b, c", "a, b, c"), ("", None), ("x" * 2000, None)):
        answer = web.options(f"{server.url}/echo{path}", headers={**asked, "Access-Control-Request-Headers": wished})
        assert answer.headers.get("access-control-allow-headers") == allowed


@pytest.mark.parametrize(("path", "allowed"), [("", "GET, HEAD"), ("/info", "OPTIONS, GET, HEAD"), ("/0/s/xhr", "OPTIONS, POST")])
def test_other_methods(server: EchoServer, web: httpx.Client, path: str, allowed: str) -> None:
    answer = web.delete(f"{server.url}/echo{path}")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, allowed, b"")
    assert "content-type" not in answer.headers


# Sessions.


@pytest.mark.parametrize("place", ["/a/a", "/_/_", "/1/", "/abcdefgh_i-j%20/abcdefg_i-j%20"])
def test_any_name_is_a_session(server: EchoServer, web: httpx.Client, place: str) -> None:
    assert polled(web, f"{server.url}/echo{place}{time.monotonic_ns()}") == "o\n"


@pytest.mark.parametrize("place", ["//", "/a./a", "/a/a.", "/./.", "/", "///"])
def test_empty_names_and_dots_are_none(server: EchoServer, place: str) -> None:
    for method in ("GET", "POST"):  # as octets: clients tidy such paths up
        wire = Wire(server, method, f"/echo{place}/xhr")
        assert wire.status == 404
        wire.close()


def test_the_server_part_is_for_balancers_only(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    said(web, session, '["a"]')
    assert polled(web, session.replace("/000/", "/999/")) == 'a["a"]\n'


def test_unknown_sessions_take_no_messages(server: EchoServer, web: httpx.Client) -> None:
    for door in ("xhr_send", "jsonp_send"):
        assert web.post(f"{server.session()}/{door}", content=X).status_code == 404


def test_one_receiver_at_a_time(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    first = Wire(server, "POST", f"{session}/xhr")
    for door, before in (("xhr", ""), ("xhr_streaming", "h" * 2048 + "\n")):
        assert web.post(f"{session}/{door}").text == before + STILL_OPEN
    said(web, session, X)
    assert first.chunk() == 'a["x"]\n'
    assert first.chunk() == ""
    first.close()


def when_noticed(poll: Callable[[], str]) -> str:
    """What a session says once the server has noticed that its receiver is gone."""
    deadline = time.monotonic() + 30
    while (answer := poll()) == STILL_OPEN:
        assert time.monotonic() < deadline
    return answer


@pytest.mark.parametrize("door", ["xhr", "xhr_streaming"])
def test_a_cut_receiver_ends_the_session(server: EchoServer, web: httpx.Client, door: str) -> None:
    session = opened(server, web)
    first = Wire(server, "POST", f"{session}/{door}")
    if door == "xhr_streaming":
        assert first.chunk() == "h" * 2048 + "\n"
    first.close()
    assert when_noticed(lambda: polled(web, session)) == INTERRUPTED
    assert polled(web, session) == INTERRUPTED


def test_an_ended_session_says_so_until_it_is_forgotten(server: EchoServer, web: httpx.Client, settings: Any) -> None:
    settings.REALTIME_SESSION_LIFE_S = 1.5
    began = time.monotonic()
    session = opened(server, web, "/close")
    while (answer := polled(web, session)) == GO_AWAY:
        assert time.monotonic() < began + 30, "asking does not keep it alive"
        time.sleep(0.2)
    assert answer == "o\n"
    assert time.monotonic() > began + 1.5


def test_a_session_without_receiver_is_forgotten(server: EchoServer, web: httpx.Client, settings: Any) -> None:
    settings.REALTIME_SESSION_LIFE_S = 1.5
    began = time.monotonic()
    session = opened(server, web)
    while (status := web.post(f"{session}/xhr_send", content="[]").status_code) == 204:
        assert time.monotonic() < began + 30, "sending does not keep it alive"
        time.sleep(0.2)
    assert status == 404
    assert time.monotonic() > began + 1.5


def test_silence_is_broken_by_beats(server: EchoServer, web: httpx.Client, settings: Any) -> None:
    settings.REALTIME_BEAT_S = 0.7
    session = opened(server, web)
    assert polled(web, session) == "h\n"
    assert polled(web, session) == "h\n"
    with socket(server, "/echo/0/s/websocket") as framed, socket(server, "/echo/websocket") as raw:
        assert [framed.recv(timeout=30), framed.recv(timeout=30)] == ["o", "h"]
        with pytest.raises(TimeoutError):
            raw.recv(timeout=1.0)


# WebSocket.


def test_a_websocket_is_asked_for_properly(server: EchoServer, web: httpx.Client) -> None:
    for path in ("/echo/0/0/websocket", "/echo/websocket"):
        assert web.get(server.url + path).status_code == 400
        assert web.get(server.url + path, headers={"Upgrade": "WebSocket", "Connection": "close"}).status_code == 400
        answer = web.post(server.url + path)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")
        assert "content-type" not in answer.headers


def test_the_handshake(server: EchoServer) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Origin": "http://asd"}
    wire = Wire(server, "GET", "/echo/000/s/websocket", {**headers, "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw=="})
    assert (wire.status, wire.headers["sec-websocket-accept"]) == (101, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
    assert (wire.headers["connection"].lower(), wire.headers["upgrade"].lower()) == ("upgrade", "websocket")
    assert "content-length" not in wire.headers
    wire.close()


def test_a_websocket_echoes_and_ignores_nothing_said(server: EchoServer) -> None:
    with socket(server, "/echo/000/s/websocket") as found:
        assert found.recv(timeout=30) == "o"
        for text in ("", "[]", '["a"]', '"b"'):
            found.send(text)
        heard: list[str] = []
        while len(heard) < 2:
            heard += json.loads(str(found.recv(timeout=30))[1:])
        assert heard == ["a", "b"]


def test_websockets_may_share_a_session_id(server: EchoServer) -> None:
    with socket(server, "/echo/000/same/websocket") as one, socket(server, "/echo/000/same/websocket") as other:
        assert (one.recv(timeout=30), other.recv(timeout=30)) == ("o", "o")
        one.send('["a"]')
        other.send('["b"]')
        assert (one.recv(timeout=30), other.recv(timeout=30)) == ('a["a"]', 'a["b"]')
    with socket(server, "/echo/000/same/websocket") as again:
        assert again.recv(timeout=30) == "o"


@pytest.mark.parametrize("text", ['["a', "[1]", "{}", "[" * 100_000, '"' + "\\"])
def test_broken_json_ends_a_websocket(server: EchoServer, text: str) -> None:
    with socket(server, "/echo/000/s/websocket") as found:
        assert found.recv(timeout=30) == "o"
        found.send(text)
        assert found.recv(timeout=30) == 'c[1002,"Broken JSON encoding"]'
        with pytest.raises(ConnectionClosed):
            found.recv(timeout=30)


def test_octets_end_a_websocket(server: EchoServer) -> None:
    with socket(server, "/echo/000/s/websocket") as framed, socket(server, "/echo/websocket") as raw:
        framed.send(b"[]")
        assert [framed.recv(timeout=30), framed.recv(timeout=30)] == ["o", 'c[1003,"Text only"]']
        raw.send(b"[]")
        with pytest.raises(ConnectionClosed) as found:
            raw.recv(timeout=30)
        assert found.value.rcvd is not None
        assert (found.value.rcvd.code, found.value.rcvd.reason) == (1003, "Text only")


def test_a_service_closes_its_websockets(server: EchoServer) -> None:
    with socket(server, "/close/000/s/websocket") as found:
        assert [found.recv(timeout=30), found.recv(timeout=30)] == ["o", GO_AWAY.strip()]
        with pytest.raises(ConnectionClosed):
            found.recv(timeout=30)
    with socket(server, "/close/websocket") as raw, pytest.raises(ConnectionClosed) as closed:
        raw.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.reason == "Go away!"


def test_raw_websockets_carry_texts_as_they_are(server: EchoServer) -> None:
    for path in ("/echo/websocket", "/echo"):
        with socket(server, path) as found:
            found.send("Hello world!\uffff")
            assert found.recv(timeout=30) == "Hello world!\uffff"


def test_where_websockets_are_off_there_are_none(server: EchoServer, web: httpx.Client) -> None:
    for path in ("/disabled_websocket_echo/websocket", "/disabled_websocket_echo/0/s/websocket"):
        assert web.get(server.url + path).status_code == 404
        with pytest.raises(InvalidStatus) as found, socket(server, path):
            pass
        assert found.value.response.status_code == 403
    assert polled(web, server.session("/disabled_websocket_echo")) == "o\n"


@pytest.mark.parametrize("path", ["/echo", "/echo/info", "/echo/none", "/echo/000/s/xhr"])
def test_every_answer_carries_the_requests_id(server: EchoServer, web: httpx.Client, path: str) -> None:
    told = "5f1c7b1e-6d0a-4b7e-9d7b-2a1d6f6d0c11"
    assert web.get(server.url + path, headers={"X-Request-ID": told}).headers["x-request-id"] == told
    assert len(web.get(server.url + path, headers={"X-Request-ID": "no id"}).headers["x-request-id"]) == 36


# Polling and streaming.


def test_polling(server: EchoServer, web: httpx.Client) -> None:
    session = server.session()
    answers = [
        web.post(f"{session}/xhr", headers={"Origin": "test"}),
        web.post(f"{session}/xhr_send", content=X, headers={"Origin": "test"}),
    ]
    assert [answer.text for answer in answers] == ["o\n", ""]
    assert [answer.headers["content-type"] for answer in answers] == [SCRIPT, TEXT]
    for answer in answers:
        assert cors(answer) == ("test", "true")
        assert answer.headers["cache-control"] == NEVER
        assert answer.headers["vary"] == "Origin"
    assert polled(web, session) == 'a["x"]\n'


def test_sending_refuses_what_it_cannot_read_and_the_session_lives(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    for content, text in (('["x', "Broken JSON encoding."), ("", "Payload expected."), ("[1]", "Broken JSON encoding.")):
        answer = web.post(f"{session}/xhr_send", content=content)
        assert (answer.status_code, answer.text) == (500, text)
    said(web, session, "[]")
    said(web, session, '["a"]')
    assert polled(web, session) == 'a["a"]\n'


def test_sending_takes_any_content_type(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    types = ["text/plain", "T", "application/json", "application/xml", "", "application/json; charset=utf-8", "text/xml"]
    for one in types:
        answer = web.post(f"{session}/xhr_send", content='["a"]', headers={"Content-Type": one})
        assert (answer.status_code, answer.content) == (204, b"")
    assert polled(web, session) == "a[" + ",".join(['"a"'] * len(types)) + "]\n"


STREAMS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "xhr_streaming": ("POST", SCRIPT, lambda frame: f"{frame}\n"),
    "eventsource": ("GET", "text/event-stream", lambda frame: f"data: {frame}\r\n\r\n"),
    "htmlfile?c=%63allback": ("GET", "text/html; charset=UTF-8", lambda frame: f"<script>\np({json.dumps(frame)});\n</script>\r\n"),
}


@pytest.mark.parametrize("door", STREAMS)
def test_streams(server: EchoServer, web: httpx.Client, door: str) -> None:
    method, content_type, dressed = STREAMS[door]
    session = server.session()
    stream = Wire(server, method, f"{session}/{door}", {"Origin": "test"})
    assert (stream.status, stream.headers["content-type"], stream.headers["cache-control"]) == (200, content_type, NEVER)
    assert stream.headers["access-control-allow-origin"] == "test"
    assert stream.headers["x-accel-buffering"] == "no"
    assert is_prelude(door, stream.chunk())
    assert stream.chunk() == dressed("o")
    said(web, session, X)
    assert stream.chunk() == dressed('a["x"]')
    said(web, session, r'["  \u0000\n\r "]')
    assert stream.chunk() == dressed(r'a["  \u0000\n\r "]')
    stream.close()


def is_prelude(door: str, text: str) -> bool:
    if door == "xhr_streaming":
        return text == "h" * 2048 + "\n"
    if door == "eventsource":
        return text == "\r\n"
    return len(text) > 1024 and "var c = parent.callback;" in text and "document.domain = document.domain;" in text


@pytest.mark.parametrize("door", STREAMS)
def test_a_stream_ends_after_its_share_and_the_next_goes_on(server: EchoServer, web: httpx.Client, door: str) -> None:
    method, _, dressed = STREAMS[door]
    session = server.session()
    stream = Wire(server, method, f"{session}/{door}")
    assert is_prelude(door, stream.chunk())
    sent = len(dressed("o"))
    assert stream.chunk() == dressed("o")
    while sent < 4096:
        said(web, session, json.dumps(["x" * 128]))
        text = stream.chunk()
        assert text == dressed(f'a["{"x" * 128}"]')
        sent += len(text)
    assert stream.chunk() == ""
    said(web, session, X)
    assert polled(web, session) == 'a["x"]\n'
    stream.close()


def test_an_ended_session_frees_its_stream(server: EchoServer) -> None:
    session = server.session("/close")
    for frames in (["o\n", GO_AWAY], [GO_AWAY]):
        stream = Wire(server, "POST", f"{session}/xhr_streaming")
        assert [stream.chunk() for _ in range(len(frames) + 2)] == ["h" * 2048 + "\n", *frames, ""]
        stream.close()


@pytest.mark.parametrize("door", ["jsonp", "htmlfile"])
def test_callbacks_are_names(server: EchoServer, web: httpx.Client, door: str) -> None:
    answer = web.get(f"{server.url}/echo/a/a/{door}")
    assert (answer.status_code, answer.text) == (500, '"callback" parameter required')
    for callback in ("%20", "*", "abc(", "abc%28", "%3Cscript%3E", "x" * 101, "a%0Ab"):
        answer = web.get(f"{server.url}/echo/a/a/{door}?c={callback}")
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (500, 'invalid "callback" parameter', TEXT)


def called(web: httpx.Client, session: str) -> str:
    answer = web.get(f"{session}/jsonp?c=%63allback")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, SCRIPT, NEVER)
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.text


def test_jsonp(server: EchoServer, web: httpx.Client) -> None:
    session = server.session()
    assert called(web, session) == '/**/callback("o");\r\n'
    sendings: list[tuple[str, dict[str, str]]] = [
        ("d=%5B%22x%22%5D", FORM),
        ("d=%5B%5D", FORM),
        ('["%61bc"]', {"Content-Type": "text/plain"}),
        ("d=%5B%22%3C%2Fscript%3E%22%5D", FORM),
    ]
    for content, headers in sendings:
        answer = web.post(f"{session}/jsonp_send", content=content, headers=headers)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "ok", TEXT)
        assert answer.headers["cache-control"] == NEVER
    assert called(web, session) == '/**/callback("a[\\"x\\",\\"%61bc\\",\\"\\u003c/script>\\"]");\r\n'


def test_jsonp_refuses_what_it_cannot_read_and_the_session_lives(server: EchoServer, web: httpx.Client) -> None:
    session = server.session()
    called(web, session)
    for content, text in (("d=%5B%22x", "Broken JSON encoding."), *((one, "Payload expected.") for one in ("", "d=", "p=p"))):
        answer = web.post(f"{session}/jsonp_send", content=content, headers=FORM)
        assert (answer.status_code, answer.text) == (500, text)
    assert web.post(f"{session}/jsonp_send", content="&".join(["a=1"] * 11), headers=FORM).status_code == 500
    assert web.post(f"{session}/jsonp_send", content="d=%5B%22b%22%5D", headers=FORM).text == "ok"
    assert called(web, session) == '/**/callback("a[\\"b\\"]");\r\n'


def test_jsonp_is_told_the_end(server: EchoServer, web: httpx.Client) -> None:
    session = server.session("/close")
    assert called(web, session) == '/**/callback("o");\r\n'
    for _ in range(2):
        assert called(web, session) == '/**/callback("c[3000,\\"Go away!\\"]");\r\n'


# The balancer's cookie.


@pytest.mark.parametrize(
    ("method", "door"), [("POST", "xhr"), ("POST", "xhr_streaming"), ("GET", "eventsource"), ("GET", "htmlfile?c=x"), ("GET", "jsonp?c=x")]
)
@pytest.mark.parametrize(
    ("cookie", "expected"),
    [("", "dummy"), ("JSESSIONID=abcdef", "abcdef"), ("a=b; JSESSIONID=n-1.x; c=d", "n-1.x"), ("JSESSIONID=a b", "dummy"), ("XJSESSIONID=a", "dummy")],
)  # fmt: skip
def test_sessions_carry_the_balancers_cookie(server: EchoServer, method: str, door: str, cookie: str, expected: str) -> None:
    wire = Wire(server, method, f"{server.session('/cookie_needed_echo')}/{door}", {"Cookie": cookie} if cookie else {})
    assert (wire.status, wire.headers["set-cookie"]) == (200, f"JSESSIONID={expected}; Path=/")
    wire.close()


def test_sending_carries_the_cookie_too_and_other_services_none(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web, "/cookie_needed_echo")
    for door, status in (("xhr_send", 204), ("jsonp_send", 200)):
        answer = web.post(f"{session}/{door}", content=X, headers={"Cookie": "JSESSIONID=n1"})
        assert (answer.status_code, answer.headers["set-cookie"]) == (status, "JSESSIONID=n1; Path=/")
    answer = web.post(f"{server.session()}/xhr", headers={"Cookie": "JSESSIONID=n1"})
    assert "set-cookie" not in answer.headers


# Letters.


def escaped(*ranges: tuple[int, int]) -> str:
    return "".join(f"\\u{code:04x}" for first, last in ranges for code in range(first, last + 1))


FORBIDDEN = [(0x200C, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xFFF0, 0xFFFF)]


def test_letters_that_browsers_mangle_are_escaped(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    text = json.loads(f'"{escaped(*FORBIDDEN)}"')
    said(web, session, f'["{text}"]')
    assert polled(web, session) == f'a["{escaped(*FORBIDDEN)}"]\n'


def test_every_letter_arrives_however_it_was_written(server: EchoServer, web: httpx.Client) -> None:
    session = opened(server, web)
    text: Any = json.loads(f'"{escaped((0, 0x1F), (0x7F, 0x9F), (0x300, 0x333), (0x2000, 0x20FF), (0xD800, 0xDFFF), (0xF900, 0xFFFF))}"')
    said(web, session, json.dumps([text]))
    assert json.loads(polled(web, session)[1:]) == [text]
    said(web, session, json.dumps(["猫😀"], ensure_ascii=False))
    assert json.loads(polled(web, session)[1:]) == ["猫😀"]


# HTTP itself.


def test_http_1_1_keeps_the_connection(server: EchoServer) -> None:
    wire = Wire(server, "GET", "/echo")
    for _ in range(2):
        assert (wire.status, wire.headers["content-length"]) == (200, "19")
        assert "transfer-encoding" not in wire.headers
        assert wire.headers.get("connection", "").lower() in ("", "keep-alive")
        assert wire.read(19) == "Welcome to SockJS!\n"
        wire.ask("GET", "/echo")
    wire.close()
    stream = Wire(server, "POST", f"{server.session('/close')}/xhr_streaming")
    assert stream.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in stream.headers
    stream.close()


def test_http_1_0_gets_no_chunks(web: httpx.Client) -> None:
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        server = EchoServer(http="h11")
    wire = Wire(server, "GET", "/echo", {"Connection": "Keep-Alive"}, version="1.0")
    assert (wire.status, wire.headers["content-length"]) == (200, "19")
    assert "transfer-encoding" not in wire.headers
    assert wire.read(19) == "Welcome to SockJS!\n"
    wire.close()
    stream = Wire(server, "POST", f"{server.session('/close')}/xhr_streaming", {"Connection": "Keep-Alive"}, version="1.0")
    assert stream.status == 200
    assert not {"transfer-encoding", "content-length"} & set(stream.headers)
    assert stream.rest() == "h" * 2048 + "\no\n" + GO_AWAY
    stream.close()
    server.close()
