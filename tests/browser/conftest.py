"""A real browser, and the platform as `make run` starts it."""

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
PASSWORD = "only-a-test-1"
WAIT_MS = 90_000
"""How long a page is waited for: a busy machine is slow."""
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium fonts-noto-cjk)"),
]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    running = Run(tmp_path_factory.mktemp("browser") / "var")
    running.start(DEMO_PASSWORD=PASSWORD)
    running.wait_announced()
    yield running
    running.stop()


@pytest.fixture(scope="module")  # its event loop must not outlive the module: the database refuses threads that run one
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
    context.set_default_timeout(WAIT_MS)
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
