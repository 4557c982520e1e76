"""The clients that document 002 names, unchanged, over every transport: in node, in Chromium, and when the platform is killed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import CHROMIUM
from tests.clients.conftest import CASES, DOCUMENT_CASES, IDLE_MS, NAMES, Stock
from tests.clients.pages import FOREIGN, Cases, Page
from tests.clients.seen import received, told
from tests.clients.tools import Report

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
each_case = pytest.mark.parametrize(("client", "transport"), CASES)


def said(messages: list[Report]) -> list[str]:
    """What was told that the log of the user's events holds: all but the steps between start and end."""
    words = [one["body"].get("message") or one["body"]["status"] for one in messages if one["type"] in ("progress", "result")]
    return [one for one in words if one != STEP]


STEP = "正在生成图像..."
WHOLE = ["任务已提交，正在排队...", "开始生成...", "生成完成", "COMPLETED"]


@each_case
def test_an_order_is_told_from_the_queue_to_the_picture(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("pictures", client, transport)
    assert found["connected"]["version"] == ("1.1" if client == "Old" else "1.2")
    assert transport.startswith("/") or found["carrier"] == transport
    assert found["receipts"] == ["subscribed-reply", "subscribed-progress", "subscribed-result"]
    messages = found["byRest"]
    assert said(messages) == WHOLE
    percents = [one["body"]["progress"] for one in messages if one["type"] == "progress"]
    assert percents == sorted(percents)
    assert any(0 < percent < 100 for percent in percents)
    (result,) = (one["body"] for one in messages if one["type"] == "result")
    assert result["results"][0]["url"].startswith(stock.base)
    assert [(one["on"], one["body"]["status"]) for one in messages if one["type"] == "status"] == [("reply", "COMPLETED")]
    assert found["isInOrder"]
    told("node", NAMES[client], transport, "an order by REST", received(messages))


@each_case
def test_an_order_by_send_is_answered_first_and_then_told(stock: Stock, client: str, transport: str) -> None:
    reply, *messages = stock.seen("pictures", client, transport)["bySend"]
    assert (reply["on"], reply["type"]) == ("reply", "reply")
    assert {"taskId", "queuePosition", "estimatedTime", "cost"} <= set(reply["body"])
    assert said(messages) == WHOLE
    told("node", NAMES[client], transport, "an order by SEND", received([reply, *messages]))


@each_case
def test_what_is_no_longer_subscribed_is_not_told_and_the_farewell_is_clean(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("pictures", client, transport)
    assert [(one["on"], one["type"]) for one in found["unwatched"]] == [("reply", "reply"), ("result", "result")]
    assert len(found["farewell"]) == 1
    assert [close["code"] for close in found["closes"]] in ([1000], [1005]), "1005: a bare WebSocket that was closed without a code"


@each_case
def test_a_wrong_token_is_an_error_frame_and_the_end(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("refused", client, transport)
    assert found["words"] == "Unauthorized"
    assert [close["code"] for close in found["closes"]] == [1008]
    assert found["heard"] == []
    told("node", NAMES[client], transport, "a wrong token", f"ERROR {found['words']}, close {found['closes'][0]['code']}")


@each_case
def test_who_comes_back_with_the_last_number_gets_the_rest(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("replayed", client, transport)
    assert said(found["before"]) == WHOLE[:2]
    assert said(found["after"]) == WHOLE[2:]
    assert all(one["number"] >= found["last"] for one in found["after"])
    told("node", NAMES[client], transport, "cut off and back", f"{received(found['before'])}, then {received(found['after'])}")


@pytest.mark.parametrize(("client", "transport"), DOCUMENT_CASES)
def test_the_documents_own_snippets_run_as_they_stand(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("document", client, transport)
    check_document(found)
    told("node", NAMES[client], transport, "the document's snippets", document_words(found))


def check_document(found: Report) -> None:
    """The snippet's three callbacks were called with what the document shows."""
    assert found["connected"] == "CONNECTED"
    assert sorted(one["type"] for one in found["personal"]) == ["reply", "status"]
    assert all(set(one) == {"type", "taskId", "progress", "currentStep", "totalSteps", "message"} for one in found["progress"])
    assert found["progress"][-1]["progress"] == 100
    (result,) = found["result"]
    assert (result["type"], result["status"]) == ("result", "COMPLETED")
    assert all(set(one) == {"url", "thumbnailUrl"} for one in result["results"])


def document_words(found: Report) -> str:
    return f"{len(found['personal'])} personal, {len(found['progress'])} progress, {len(found['result'])} result"


@each_case
def test_hearts_beat_and_nobody_hangs_up(stock: Stock, client: str, transport: str) -> None:
    found = stock.seen("idle", client, transport)
    assert found["connected"]["heart-beat"] == "10000,10000"
    assert found["beats"] in (2, 3)
    assert found["closes"] == []
    told("node", NAMES[client], transport, f"idle for {IDLE_MS / 1000:g} s", f"{found['beats']} beats, still open")


USUAL = ("websocket", "xhr-streaming", "eventsource", "xhr-polling")
AGED = {
    "its own origin": ("htmlfile", "jsonp-polling"),
    "another origin": ("jsonp-polling", "iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling"),
}


def in_pages(where: str) -> list[Cases]:
    """The cases of each page: a browser opens six connections to a host, and these hold up to four of them open."""
    usual: list[Cases] = [[(client, name) for name in USUAL] for client in ("DocumentedOld", "DocumentedModern")]
    return [*usual, [("DocumentedOld", name) for name in AGED[where]]]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")
@pytest.mark.parametrize("where", AGED)
def test_the_documents_snippets_run_in_pages(stock: Stock, chromium: Any, where: str) -> None:
    origin = FOREIGN if where == "another origin" else stock.base
    pages = [Page(chromium, origin, "document", cases, stock.place) for cases in in_pages(where)]
    for found in [one for page in pages for one in page.reports()]:
        check_document(found)
        told(f"Chromium, {where}", NAMES[found["client"]], found["transport"], "the document's snippets", document_words(found))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")
def test_bare_websockets_work_in_pages(stock: Stock, chromium: Any) -> None:
    cases = [(client, transport) for client in ("Modern", "Old") for transport in ("/ws", "/ws/websocket")]
    for found in Page(chromium, FOREIGN, "pictures", cases, stock.place).reports():
        assert said(found["byRest"]) == WHOLE
        told("Chromium, another origin", NAMES[found["client"]], found["transport"], "an order by REST", received(found["byRest"]))


@pytest.fixture(scope="module")
def survivors(stock: Stock) -> Stock:
    """All of them were there when the platform's process was killed with signal 9 in the middle of a task."""
    stock.killed()
    return stock


@each_case
def test_a_killed_platform_costs_nothing(survivors: Stock, client: str, transport: str) -> None:
    found = survivors.seen("killed", client, transport)
    check_killed(found)
    told("node", NAMES[client], transport, "kill -9", killed_words(found))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")
def test_a_killed_platform_costs_pages_nothing(survivors: Stock, chromium: Any) -> None:
    page = Page(chromium, FOREIGN, "killed", [("Modern", name) for name in USUAL], survivors.place)
    page.wait_for("begun")
    survivors.kill()
    for found in page.reports():
        check_killed(found)
        told("Chromium, another origin", NAMES["Modern"], found["transport"], "kill -9", killed_words(found))


def check_killed(found: Report) -> None:
    """Killed in the middle, back by itself, and everything told once and in order."""
    assert found["wasRunning"]
    assert found["count"] >= 2
    assert found["closes"][0]["code"] in (1006, 1002)
    assert said(found["told"]) == WHOLE, "nothing missed and nothing twice"
    assert found["isInOrder"]
    assert said(found["later"]) == WHOLE


def killed_words(found: Report) -> str:
    closes = "+".join(str(close["code"]) for close in found["closes"][:3])
    return f"closed {closes}, back as no. {found['count']}: {received(found['told'])}"
