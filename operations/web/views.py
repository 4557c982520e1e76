"""The first page, one work of the showcase, language, appearance, and the pages for when something is wrong."""

from __future__ import annotations

import logging
import sys
from typing import Any

import redis
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.kernel.errors import CacheUnavailable, DatabaseUnavailable, TooManyRequests
from operations.templatetags.pages import page_lang
from operations.web.callers import local_path
from operations.web.context import LANGUAGES, THEME_COOKIE, THEMES
from operations.web.home import home_context, showcase_work

logger = logging.getLogger(__name__)
YEAR_S = 365 * 86_400
RETRY_S = 30


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page."""
    return render(request, "pages/home.html", {**home_context(request.GET.get("tag", "")), "section": "home"})


@require_GET
def showcase(request: HttpRequest, number: int) -> HttpResponse:
    """One work of the showcase."""
    work = showcase_work(number)
    if work is None:
        raise Http404
    return render(request, "pages/showcase.html", {"work": work, "section": "home"})


@require_GET
def language(request: HttpRequest, lang: str) -> HttpResponse:
    """The pages speak `lang` from now on; back to where the reader was."""
    code = next((code for code, name, _label in LANGUAGES if name == lang), None)
    if code is None:
        raise Http404
    response = redirect(local_path(request.GET.get("next"), reverse("home")))
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, max_age=YEAR_S, samesite="Lax", secure=bool(settings.SESSION_COOKIE_SECURE))
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system has it; back to where the reader was."""
    response = redirect(local_path(request.POST.get("next"), reverse("home")))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR_S, samesite="Lax", secure=bool(settings.SESSION_COOKIE_SECURE))
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing hangs here."""
    return _told(request, 404, _("Nothing hangs here."), _("It may have been taken down, or the link lost a few letters."))


def too_many_requests(request: HttpRequest, retry_after_s: int) -> HttpResponse:
    """429: slower."""
    meaning = _("Nothing was spent. Tasks under way go on. Try again in %(s)s seconds.") % {"s": retry_after_s}
    response = _told(request, 429, _("Too fast for this door."), meaning)
    response["Retry-After"] = str(retry_after_s)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake; 503 and 429 when that is what the exception says. It asks nothing of the database."""
    error = sys.exc_info()[1]
    if isinstance(error, (DatabaseUnavailable, CacheUnavailable, OperationalError, InterfaceError, redis.RedisError)):
        return unavailable(request)
    if isinstance(error, TooManyRequests):
        return too_many_requests(request, error.params["retry_after_s"])
    return _bare(500, _("A mistake of ours."), _("It was recorded. Tasks under way go on, and nothing is charged twice."))


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: back in a moment. It asks nothing of the database, and reads well without its style."""
    meaning = _("Tasks go on while we are away. Nothing is charged twice. Try again in %(s)s seconds.") % {"s": RETRY_S}
    response = _bare(503, _("Back in a few minutes."), meaning)
    response["Retry-After"] = str(RETRY_S)
    return response


def _told(request: HttpRequest, number: int, heading: str, meaning: str) -> HttpResponse:
    try:
        context = {"number": number, "heading": heading, "meaning": meaning, "href": reverse("home"), "way_on": _("Back to the showcase")}
        return render(request, "errors/page.html", context, status=number)
    except Exception:
        logger.exception("the page for %d could not be drawn", number)
        return _bare(number, heading, meaning)


def _bare(number: int, heading: str, meaning: str) -> HttpResponse:
    context: dict[str, Any] = {"number": number, "heading": heading, "meaning": meaning, "lang": page_lang(), "sheets": _sheets()}
    return HttpResponse(render_to_string("errors/bare.html", {**context, "href": "/", "way_on": _("Back to the showcase")}), status=number)


def _sheets() -> list[str]:
    """The style sheets, or none while they cannot be found."""
    try:
        return [staticfiles_storage.url(name) for name in ("tokens.css", "atelier.css", "pages.css")]
    except ValueError:
        return []
