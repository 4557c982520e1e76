"""Forms of sign-in and account pages. They judge shape; the services judge sense."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.services.api_key import SCOPES

LANGUAGES = (("zh-CN", "简体中文"), ("zh-TW", "繁體中文"), ("en", "English"), ("ja", "日本語"), ("ko", "한국어"))
SCOPE_LABELS = {
    "generation": _("Order works, and spend"),
    "tasks": _("Read and cancel tasks"),
    "profile": _("Read the account"),
    "payments": _("Buy credits"),
}
NEEDED = {"required": _("This is needed.")}


def _text(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs=attrs)


class PasswordForm(forms.Form):
    """Name and password; a second factor's code where the user has one."""

    username = forms.CharField(
        label=_("User name or proven e-mail"), max_length=254, error_messages=NEEDED, widget=_text(autocomplete="username")
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        error_messages=NEEDED,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    otp = forms.CharField(
        label=_("One-time password, if you have set one up"),
        max_length=16,
        required=False,
        widget=_text(autocomplete="one-time-code", inputmode="numeric"),
    )


class PhoneForm(forms.Form):
    """A phone, and the code that came by text message."""

    phone = forms.CharField(
        label=_("Mobile phone"),
        max_length=32,
        error_messages=NEEDED,
        widget=_text(autocomplete="tel", inputmode="tel", placeholder="138 0013 8000"),
    )
    code = forms.CharField(label=_("Code"), max_length=8, required=False)


class AddressForm(forms.Form):
    """One e-mail address."""

    address = forms.EmailField(
        label=_("E-mail"),
        error_messages={**NEEDED, "invalid": _("This is not an e-mail address.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class NewPasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        min_length=8,
        max_length=128,
        error_messages={**NEEDED, "min_length": _("8 characters at least."), "max_length": _("128 characters at most.")},
        help_text=_("8 to 128 characters. Other sessions end."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ProfileForm(forms.Form):
    """What others see of a user, and the language of messages."""

    username = forms.CharField(
        label=_("User name"), min_length=3, max_length=50, error_messages=NEEDED, widget=_text(autocomplete="username")
    )
    nickname = forms.CharField(label=_("Shown name"), max_length=64, required=False, widget=_text(autocomplete="nickname"))
    language = forms.ChoiceField(label=_("Language of messages"), choices=LANGUAGES)


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        error_messages=NEEDED,
        help_text=_("To tell it apart, e.g. the program that uses it."),
        widget=_text(autocomplete="off"),
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, SCOPE_LABELS.get(scope, scope)) for scope in SCOPES],
        error_messages={"required": _("Choose one at least.")},
        widget=forms.CheckboxSelectMultiple,
    )
    budget_day_credits = forms.IntegerField(
        label=_("Credits a day"),
        min_value=0,
        max_value=2_000_000_000,
        required=False,
        help_text=_("Empty: no limit"),
        widget=_text(inputmode="numeric"),
    )
    budget_total_credits = forms.IntegerField(
        label=_("Credits in all"),
        min_value=0,
        max_value=2_000_000_000,
        required=False,
        help_text=_("Empty: no limit"),
        widget=_text(inputmode="numeric"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].initial = list(SCOPES)
