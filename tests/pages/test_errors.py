"""The pages for when something is wrong: they say what it means, and need little to say it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.urls import resolve

from config.kernel.errors import DatabaseUnavailable, DomainError, TooManyRequests
from operations.web import views
from operations.web.problems import WORDS, problem_of
from tests.pages.test_frame import judge


@pytest.mark.django_db
def test_an_unknown_page_is_a_404_with_one_way_on() -> None:
    answer = Client(headers={"Accept-Language": "en"}).get("/nowhere")
    assert answer.status_code == 404
    judge(answer.content.decode(), "en")
    assert "Back to the showcase" in answer.content.decode()


def test_500_and_503_ask_nothing_of_the_database() -> None:
    """Without the `db` fixture any query fails the test."""
    request = RequestFactory().get("/create")
    for view, status in ((views.server_error, 500), (views.unavailable, 503)):
        answer = view(request)
        assert answer.status_code == status
        judge(answer.content.decode(), "zh-CN")
    assert views.unavailable(request)["Retry-After"] == "30"


def test_error_pages_stand_without_their_style(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise ValueError(name)

    monkeypatch.setattr("operations.web.views.staticfiles_storage.url", missing)
    answer = views.unavailable(RequestFactory().get("/"))
    assert answer.status_code == 503
    assert "stylesheet" not in answer.content.decode()


@pytest.mark.django_db
def test_a_broken_page_falls_back_to_a_bare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> TemplateResponse:
        raise RuntimeError

    monkeypatch.setattr("operations.web.views.render", broken)
    answer = views.page_not_found(RequestFactory().get("/"))
    assert answer.status_code == 404
    assert "<h1>" in answer.content.decode()


def test_every_domain_error_has_words_for_people() -> None:
    for error in DomainError.walk():
        told = problem_of(_made(error))
        assert told.text
        assert "%(" not in told.text
        assert 400 <= told.status < 600


def _made(error: type[DomainError]) -> DomainError:
    """An error of this class without its parameters: words must stand without them too."""
    plain = error.__new__(error)
    DomainError.__init__(plain, limit_mb=10)
    if error.code == "invalid_input":
        plain.errors = ()
    return plain


def test_the_words_belong_to_errors_that_exist() -> None:
    from importlib import import_module

    for module in (
        "accounts.exceptions",
        "credits.exceptions",
        "generation.exceptions",
        "generation.exceptions_media",
        "config.kernel.outbound",
    ):
        import_module(module)
    assert set(WORDS) <= {error.code for error in DomainError.walk()}


def test_every_page_has_a_name_that_leads_to_it() -> None:
    for path in ("/", "/sign-in", "/create", "/history", "/account", "/account/keys", "/account/sessions", "/account/webhooks"):
        assert resolve(path).url_name


@pytest.mark.django_db
def test_a_silent_database_is_a_503_and_a_mistake_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    for raised, status in (
        (OperationalError("gone"), 503),
        (DatabaseUnavailable(), 503),
        (TooManyRequests(retry_after_s=7), 429),
        (KeyError("x"), 500),
    ):

        def fail(*args: Any, raised: Exception = raised, **kwargs: Any) -> None:
            raise raised

        monkeypatch.setattr(views, "home_context", fail)
        assert Client(raise_request_exception=False).get("/").status_code == status


@pytest.mark.django_db
def test_a_form_of_elsewhere_is_refused_in_our_own_words() -> None:
    answer = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"}).post("/theme", {"theme": "dark"})
    assert answer.status_code == 403
    judge(answer.content.decode(), "en")
    assert "This form has grown old." in answer.content.decode()
