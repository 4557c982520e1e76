"""What every page shows around its matter: language, theme, who is signed in and what they have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext

from accounts.models import User
from config.kernel import clock
from credits.selectors.wallet import balance_of
from generation.web.wording import PAGE_KINDS
from operations.templatetags.pages import page_lang

LANGUAGES = (("zh-hans", "zh-CN", "简体中文"), ("en", "en", "English"))
"""Django's code, the `lang` attribute, the name in its own script."""
THEMES = ("light", "dark")
THEME_COOKIE = "theme"


@dataclass(frozen=True, slots=True)
class Language:
    """One entry of the language menu."""

    lang: str
    name: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Theme:
    """One entry of the appearance list; "" follows the system."""

    name: str
    label: str
    current: bool


class Page:
    """The frame of a page. Nothing is read before a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.lang = page_lang()
        self.path = request.get_full_path()
        self.year = clock.now().year
        self.kinds = tuple(PAGE_KINDS.values())

    @cached_property
    def user(self) -> User | None:
        """Who is signed in."""
        user: Any = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def available(self) -> int:
        """The signed-in user's credits that can be spent."""
        return balance_of(self.user.pk).available if self.user else 0

    @property
    def initial(self) -> str:
        """The sign of the person in the bar."""
        return ((self.user.nickname or self.user.username)[:1] if self.user else "").upper()

    @property
    def theme(self) -> str:
        """`light`, `dark`, or "" for the system's."""
        chosen = self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def themes(self) -> list[Theme]:
        """The appearances to choose from."""
        labels = {"": gettext("As the system"), "light": gettext("Light"), "dark": gettext("Dark")}
        return [Theme(name, label, name == self.theme) for name, label in labels.items()]

    @property
    def languages(self) -> list[Language]:
        """The languages of the pages, each leading back to this one."""
        back = self.path if self.request.method == "GET" else self.request.path
        query = urlencode({"next": back})
        return [
            Language(lang, name, f"{reverse('language', args=[lang])}?{query}", code == get_language()) for code, lang, name in LANGUAGES
        ]

    @property
    def language_name(self) -> str:
        """The present language in its own script."""
        return next((name for code, _, name in LANGUAGES if code == get_language()), LANGUAGES[0][2])

    @property
    def history_url(self) -> str:
        """Where one's tasks stand."""
        return reverse("history")

    @property
    def wallet_url(self) -> str:
        """Where credits are bought, if that page is there."""
        return wallet_url()


def wallet_url() -> str:
    """The page on which credits are bought, "" where there is none."""
    try:
        return reverse("wallet")
    except NoReverseMatch:
        return ""
