"""The catalogue compiler against gettext's own reader."""

from __future__ import annotations

import gettext
import io

from config.launcher.messages import catalogue, compiled

SOURCE = r"""
#, fuzzy
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=1; plural=0;\n"

#: pages.html:1
msgid "Sign in"
msgstr "登录"

msgid ""
"A long "
"text\n"
msgstr "长文\n"

msgctxt "verb"
msgid "Open"
msgstr "打开"

msgid "%(count)s credit"
msgid_plural "%(count)s credits"
msgstr[0] "%(count)s 积分"

#, fuzzy
msgid "Guess"
msgstr "猜"

msgid "Untranslated"
msgstr ""
"""


def read() -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(compiled(catalogue(SOURCE))))


def test_reads_back_what_was_written() -> None:
    found = read()
    assert found.gettext("Sign in") == "登录"
    assert found.gettext("A long text\n") == "长文\n"
    assert found.pgettext("verb", "Open") == "打开"
    assert found.ngettext("%(count)s credit", "%(count)s credits", 2) == "%(count)s 积分"


def test_leaves_out_guesses_and_gaps() -> None:
    found = read()
    assert found.gettext("Guess") == "Guess"
    assert found.gettext("Untranslated") == "Untranslated"
    assert found.gettext("Open") == "Open"
