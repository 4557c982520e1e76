"""What holds on every page: language, title, one headline, one seal, nothing inline."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.services.webhook import delivery_create
from tests.pages.conftest import Reader, asset, in_state, order

pytestmark = pytest.mark.django_db
OPEN = ["/", "/?tag=sea", "/sign-in", "/sign-in?way=password", "/sign-in?way=sms", "/password/forgotten", "/account/password/reset?token=x",
        "/no/such/page"]  # fmt: skip
OWN = ["/create", "/create?kind=image-to-video", "/create?kind=animate-move", "/create?kind=animate-mix", "/history", "/account",
       "/account/keys", "/account/sessions", "/account/webhooks"]  # fmt: skip
INLINE = (
    re.compile(r"<style", re.I),
    re.compile(r"<script(?![^>]*\bsrc=)", re.I),
    re.compile(r"\sstyle\s*=", re.I),
    re.compile(r"<[^>]+\son[a-z]+\s*=", re.I),
    re.compile(r"(?:src|href|poster|action)\s*=\s*[\"']?(?:data|javascript):", re.I),
)


def judge(html: str, lang: str) -> None:
    """The rules of the visual language that a machine can hold."""
    assert re.search(rf'<html lang="{lang}"', html)
    title = re.search(r"<title>([^<]+)</title>", html)
    assert title
    assert title[1].strip()
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert len(re.findall(r'class="btn go', html)) <= 1
    for rule in INLINE:
        assert not rule.search(html), rule.pattern
    assert "{{" not in html
    assert "{%" not in html


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("path", OPEN)
def test_open_pages_keep_the_rules(path: str, lang: str, films: list[Any], settings: Any) -> None:
    settings.DEMO = True
    answer = Client(headers={"Accept-Language": lang}).get(path)
    assert answer.status_code == (404 if path == "/no/such/page" else 200)
    judge(answer.content.decode(), lang)


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("path", OWN)
def test_own_pages_keep_the_rules(path: str, lang: str, reader: Callable[..., Reader]) -> None:
    person = reader(paid=100)
    for status, more in (("PENDING", {}), ("RUNNING", {"progress": 40}), ("FAILED", {"error_code": "timeout"}), ("CANCELLED", {})):
        in_state(order(person.user), status, **more)
    in_state(order(person.user), "SUCCEEDED", output=asset(person.user), output_duration_ms=5000)
    delivery_create(
        user_id=person.user.pk, api_key_id=None, url="https://hooks.example/x", event_kind="task.completed", reference="r", body=b"{}"
    )
    answer = person.client.get(path, headers={"Accept-Language": lang})
    assert answer.status_code == 200
    judge(answer.content.decode(), lang)
    assert 'class="purse"' in answer.content.decode()


@pytest.mark.parametrize("path", [*OWN, reverse("create-quote"), reverse("task", args=["8c1f0d52-0000-4000-8000-000000000000"])])
def test_a_stranger_is_led_to_the_door_and_back(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in?next=%2F")


def test_the_policy_of_pages_allows_nothing_inline(films: list[Any]) -> None:
    policy = Client().get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy


def test_language_is_kept_and_only_local_paths_are_followed() -> None:
    client = Client()
    answer = client.get("/language/en", {"next": "/sign-in"})
    assert answer["Location"] == "/sign-in"
    assert '<html lang="en"' in client.get("/sign-in").content.decode()
    for wish in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert client.get("/language/en", {"next": wish})["Location"] == "/"
    assert client.get("/language/xx").status_code == 404


def test_theme_is_printed_by_the_server() -> None:
    client = Client()
    client.post("/theme", {"theme": "dark", "next": "/sign-in"})
    assert '<html lang="zh-CN" data-theme="dark"' in client.get("/sign-in").content.decode()
    client.post("/theme", {"theme": "", "next": "/"})
    assert "data-theme" not in client.get("/sign-in").content.decode().split("<head>")[0]


def test_home_shows_real_films_and_real_prices(films: list[Any]) -> None:
    html = Client(headers={"Accept-Language": "en"}).get("/").content.decode()
    assert "By the sea" in html
    assert "/media/public/" in html
    assert "from 20 credits" in html
    assert "Not open yet" in html
    narrowed = Client(headers={"Accept-Language": "en"}).get("/?tag=calm").content.decode()
    assert "Tower" in narrowed


def test_a_film_of_the_showcase_has_a_page_while_it_is_on_show(films: list[Any]) -> None:
    path = reverse("showcase", args=[films[0].pk])
    judge(Client().get(path).content.decode(), "zh-CN")
    films[0].is_active = False
    films[0].save()
    assert Client().get(path).status_code == 404
