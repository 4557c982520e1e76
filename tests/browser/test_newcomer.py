"""A newcomer's path in a real browser, against the platform as `make run` starts it: from the first page to a playing film."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import MARKS, credits_shown, shot
from tests.launcher.test_run import Run

pytestmark = MARKS
PROMPT = "清晨的梯田，薄雾从谷底升起来 [[slow:8]]"
FILM_MS = 90_000


def plays(page: Any, selector: str) -> None:
    """The video's time moves, and its picture has a size."""
    page.wait_for_function("s => document.querySelector(s).currentTime > 0.5", arg=selector)
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
    page.wait_for_selector(".task.live progress")
    seen = page.evaluate("Number(document.querySelector('.task.live progress').value)")
    page.wait_for_function("seen => Number(document.querySelector('.task.live progress')?.value ?? 101) > seen", arg=seen)
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


def test_a_tall_film_is_shown_whole(platform: Run, page: Any) -> None:
    page.goto(f"http://127.0.0.1:{platform.port}/")
    page.click(".hang .work.v .title a")
    page.wait_for_selector("figure.player.v video")
    heights = page.evaluate("[...document.querySelectorAll('.player .media, .player video')].map((one) => one.clientHeight)")
    assert heights[0] == heights[1]
