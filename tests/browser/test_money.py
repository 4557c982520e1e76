"""Money in a real browser: each gateway's sandbox paid, a refund asked for and granted, a failure and a cancelled payment told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import MARKS, PASSWORD, credits_shown, shot
from tests.launcher.test_run import Run

pytestmark = MARKS
PACK_CREDITS = 1_100


@pytest.fixture
def base(platform: Run, page: Any) -> str:
    """Signed in as the second demo user."""
    address = f"http://127.0.0.1:{platform.port}"
    sign_in(page, address, "demo2")
    return address


def sign_in(page: Any, base: str, name: str) -> None:
    page.goto(f"{base}/sign-in?way=password")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("form .btn.go")
    page.wait_for_url("**/create")


def follow(page: Any, selector: str) -> None:
    """The button was pressed and the page that it leads to is there: what comes next does not overtake it."""
    with page.expect_navigation():
        page.click(selector)


def order(page: Any, base: str, channel: str) -> str:
    """The pack is ordered; the address of its payment page."""
    page.goto(f"{base}/wallet")
    page.check(f"input[name=channel][value={channel}]", force=True)
    assert page.inner_text("form.receipt .sum dd") == "¥100.00"
    page.click("form.receipt .btn.go")
    page.wait_for_url("**/pay/*/")
    return str(page.url)


@pytest.mark.parametrize("channel", ["wechat", "alipay", "stripe"])
def test_a_pack_is_paid_at_the_gateways_sandbox(page: Any, base: str, channel: str) -> None:
    page.goto(f"{base}/wallet")
    before = credits_shown(page)
    address = order(page, base, channel)
    shot(page, f"pay-{channel}")
    if channel == "wechat":
        assert page.evaluate("() => document.querySelector('img.qr').naturalWidth") > 0
    with page.context.new_page() as counter:  # the payer pays elsewhere; this page notices by itself
        counter.goto(address)
        counter.click("a.btn.go.lg")
        counter.wait_for_url("**/sandbox/pay/*")
        follow(counter, "button[value=paid]")
        shot(counter, f"sandbox-{channel}")
    page.bring_to_front()
    page.wait_for_selector("#payment[data-state=succeeded]")
    shot(page, f"paid-{channel}")
    page.goto(f"{base}/wallet")
    assert credits_shown(page) == before + PACK_CREDITS


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_what_was_not_paid_brings_nothing_and_says_so(page: Any, base: str, outcome: str) -> None:
    page.goto(f"{base}/wallet")
    before = credits_shown(page)
    address = order(page, base, "alipay")
    page.click("a.btn.go.lg")
    page.wait_for_url("**/sandbox/pay/*")
    follow(page, f"button[value={outcome}]")
    page.goto(address)
    page.wait_for_selector(f"#payment[data-state={outcome}]")
    assert credits_shown(page) == before


def test_money_back_from_the_request_to_the_receipt(page: Any, base: str, platform: Run) -> None:
    address = order(page, base, "stripe")
    page.click("a.btn.go.lg")
    page.wait_for_url("**/sandbox/pay/*")
    follow(page, "button[value=paid]")
    number = address.rstrip("/").rpartition("/")[2]
    page.goto(f"{base}/orders/{number}")
    page.fill("#reason", "too many")
    page.click("aside form .btn")
    page.wait_for_selector(".note.ok")
    shot(page, "refund-asked")
    before = credits_shown(page)

    console = page.context.browser.new_context(locale="en").new_page()
    approve(console, base)
    shot(console, "refund-approved")
    console.context.close()

    page.goto(f"{base}/orders/{number}")
    assert credits_shown(page) == before - PACK_CREDITS
    shot(page, "refund-done")
    page.goto(f"{base}/orders/{number}/receipt")
    assert "−¥100.00" in page.inner_text("article.receipt")


def approve(console: Any, base: str) -> None:
    """The operator says yes in the queue of refunds, with a reason."""
    console.goto(f"{base}/admin/")
    console.fill("input[name=username]", "operator")
    console.fill("input[name=password]", PASSWORD)
    follow(console, "input[type=submit]")
    console.goto(f"{base}/admin/payments/refund/?status__exact=requested")
    console.check("tbody input[name=_selected_action]")
    console.select_option("select[name=action]", "approve")
    console.fill("input[name=reason]", "unspent, friendly")
    console.click("button[name=index]")
    console.wait_for_selector(".messagelist")
