"""Four pictures in a real browser: ordered, watched until they stand, looked at, one saved; a picture enlarged, one too large refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser.conftest import MARKS, credits_shown, shot
from tests.launcher.test_run import Run

pytestmark = MARKS
PROMPT = "雨后的山谷，一座木桥 [[slow:2]]"
WAIT_MS = 60_000


def signed_in(page: Any, platform: Run, path: str) -> None:
    page.goto(f"http://127.0.0.1:{platform.port}{path}")
    page.check("input[name=username][value=demo2]", force=True)
    page.click("form .btn.go")
    page.wait_for_url("**/create*")


def fits(page: Any) -> bool:
    """Nothing is wider than the window, from a phone to a desk."""
    widths = []
    for width in (390, 820, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        widths.append(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
    return max(widths) <= 0


def test_four_pictures_from_the_form_to_a_saved_file(platform: Run, page: Any, tmp_path: Path) -> None:
    signed_in(page, platform, "/sign-in?next=%2Fcreate%3Fkind%3Dtext2img")
    before = credits_shown(page)
    page.fill("#prompt", PROMPT)
    page.check("input[name=pictures][value='4']", force=True)
    page.check("input[name=size][value=landscape]", force=True)
    page.wait_for_function("() => document.querySelector('[name=quoted]').value === '40'")
    assert page.inner_text("[data-cost]") == "−40"
    assert fits(page)
    shot(page, "pictures-1-price")

    page.click("form .btn.go")
    page.wait_for_selector(".task[data-state]", timeout=WAIT_MS)
    assert credits_shown(page) == before - 40
    page.wait_for_selector("#bench .hang .work img", timeout=WAIT_MS)
    assert page.inner_text("#bench .hang .work .tag") == "4 张图片"
    shot(page, "pictures-2-bench")

    page.click("#bench .hang .work .title a")
    page.wait_for_url("**/tasks/*")
    page.wait_for_function("() => [...document.querySelectorAll('.pictures img')].length === 4")
    for image in page.query_selector_all(".pictures img"):
        image.scroll_into_view_if_needed()
    page.wait_for_function("() => [...document.querySelectorAll('.pictures img')].every((one) => one.complete && one.naturalWidth > 0)")
    assert fits(page)
    shot(page, "pictures-3-task")
    with page.expect_download() as coming:
        page.click(".pictures figure:nth-child(3) a[download]")
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    assert saved.name == page.get_attribute(".pictures figure:nth-child(3) a[download]", "download")
    with Image.open(saved) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (1344, 768))


def test_a_picture_is_enlarged_and_saved(platform: Run, page: Any, tmp_path: Path) -> None:
    Image.radial_gradient("L").resize((200, 150)).save(tmp_path / "small.png")
    signed_in(page, platform, "/sign-in?next=%2Fcreate%3Fkind%3Dupscale")
    before = credits_shown(page)
    page.check("input[name=scale][value='4']", force=True)
    page.set_input_files("input[type=file]", tmp_path / "small.png")
    page.wait_for_function("() => document.querySelector('[data-hint]').textContent.includes('200')")
    page.click("form .btn.go")
    page.click("#bench .hang .work .title a:text-is('放大')", timeout=WAIT_MS)
    page.wait_for_url("**/tasks/*")
    page.wait_for_function("() => document.querySelector('.pictures img').naturalWidth === 800")
    assert credits_shown(page) == before - 5
    assert fits(page)
    shot(page, "pictures-4-enlarged")
    with page.expect_download() as coming:
        page.click("aside a[download]")
    coming.value.save_as(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (800, 600))


def test_a_picture_too_large_to_enlarge_is_told_beside_it(platform: Run, chromium: Any, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2500), "#884422").save(tmp_path / "large.png")
    context = chromium.new_context(locale="zh-CN")  # its own: the console tells of every refusal, which is what is wanted here
    page = context.new_page()
    signed_in(page, platform, "/sign-in?next=%2Fcreate%3Fkind%3Dupscale")
    before = credits_shown(page)
    page.check("input[name=scale][value='4']", force=True)
    page.set_input_files("input[type=file]", tmp_path / "large.png")
    page.wait_for_function("() => document.querySelector('[data-hint]').textContent.includes('3000')")
    page.click("form .btn.go")
    page.wait_for_selector(".drop.error input[aria-invalid=true]")
    assert "8192" in page.inner_text(".drop.error [data-hint]")
    assert credits_shown(page) == before
    page.check("input[name=scale][value='2']", force=True)
    page.click("form .btn.go")
    page.wait_for_function("before => document.querySelector('.purse b').textContent.replace(',', '') == before - 5", arg=before)
    assert page.query_selector(".drop.error") is None
    assert page.inner_text(".drop [data-hint]") == "3000 × 2500"
    context.close()


def test_an_order_that_is_refused_for_now_is_sent_once(platform: Run, chromium: Any) -> None:
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    signed_in(page, platform, "/sign-in?next=%2Fcreate%3Fkind%3Dtext2img")
    sent: list[str] = []

    def full(route: Any) -> None:
        """The form as it came, and why not: what the server answers while the queue is full."""
        if route.request.method != "POST":
            route.continue_()
            return
        sent.append(route.request.url)
        html = page.content().replace(
            '<div class="field">', '<div id="problem"><p class="note error">队伍满了</p></div><div class="field">', 1
        )
        route.fulfill(status=503, content_type="text/html; charset=utf-8", body=html)

    page.route("**/create?kind=text2img", full)
    page.fill("#prompt", PROMPT)
    page.click("form .btn.go")
    page.wait_for_selector("#problem")
    page.wait_for_timeout(500)
    assert len(sent) == 1
    assert page.input_value("#prompt") == PROMPT
    context.close()
