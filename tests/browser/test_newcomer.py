"""A newcomer's path in a real browser, against the platform as `make run` starts it: from the first page to a playing film."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.launcher.places import ROOT
from tests.launcher.test_run import Run

SHOTS = ROOT / "build" / "shots"
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium fonts-noto-cjk)"),
]
PROMPT = "清晨的梯田，薄雾从谷底升起来 [[slow:3]]"
FILM_MS = 90_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    running = Run(tmp_path_factory.mktemp("browser") / "var")
    running.start(DEMO_PASSWORD="only-a-test-1")
    running.wait_announced()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--headless=new", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a browser of its own; what its console complains of fails the test."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not complaints


def shot(page: Any, name: str) -> Path:
    path = SHOTS / f"{name}.png"
    page.screenshot(path=str(path), full_page=True)
    return path


def credits_shown(page: Any) -> int:
    return int(page.inner_text(".purse b").replace(",", ""))


def plays(page: Any, selector: str) -> None:
    """The video's time moves, and its picture has a size."""
    page.wait_for_function("s => document.querySelector(s).currentTime > 0.5", arg=selector, timeout=30_000)
    assert page.evaluate("s => document.querySelector(s).videoWidth", selector) > 0


def test_from_the_first_page_to_a_playing_film(platform: Run, page: Any) -> None:
    base = f"http://127.0.0.1:{platform.port}"
    page.goto(base)
    assert page.get_attribute("html", "lang") == "zh-CN"
    shot(page, "1-home")
    page.click("figure.player .btn.big")
    plays(page, "figure.player video")

    page.click(".hero .btn.go")
    page.wait_for_url("**/sign-in?next=%2Fcreate")
    shot(page, "2-sign-in")
    page.check("input[name=username][value=demo1]", force=True)
    page.click("form .btn.go")
    page.wait_for_url("**/create")

    before = credits_shown(page)
    page.fill("#prompt", PROMPT)
    page.check("input[name=quality][value=hd]", force=True)
    page.wait_for_function("() => document.querySelector('[data-price]').textContent.startsWith('30')")
    page.check("input[name=quality][value=standard]", force=True)
    page.wait_for_function("() => document.querySelector('[name=quoted]').value === '20'")
    assert page.inner_text("[data-cost]") == "−20"
    assert page.inner_text("[data-after]") == f"{before - 20:,}"
    shot(page, "3-price")

    page.click("form .btn.go")
    page.wait_for_selector(".task.live progress", timeout=30_000)
    seen = page.evaluate("Number(document.querySelector('.task.live progress').value)")
    page.wait_for_function("seen => Number(document.querySelector('.task.live progress')?.value ?? 101) > seen", arg=seen, timeout=30_000)
    shot(page, "4-live")
    assert credits_shown(page) == before - 20

    page.wait_for_selector("#bench .hang .work video", timeout=FILM_MS)
    page.wait_for_selector(".toast.fly")
    shot(page, "5-finished")
    page.click("#bench .hang .work .title a")
    page.wait_for_url("**/tasks/*")
    page.click(".player .btn.big")
    plays(page, ".player video")
    shot(page, "6-film")
    assert credits_shown(page) == before - 20
