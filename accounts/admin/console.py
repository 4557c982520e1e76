"""The door of the console: operators sign in through our own sessions, outside demo mode with a second factor."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services.password import password_sign_in
from accounts.web.session import page_sign_in
from config.kernel.errors import DomainError


class OperatorForm(AdminAuthenticationForm):
    """Name, password and, where one stands, the one-time password of the second factor."""

    otp = forms.CharField(label=_("One-time password"), required=False, max_length=16)
    second_factor = False

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        try:
            found = password_sign_in(username=data.get("username", ""), password=data.get("password", ""), otp=data.get("otp"))
        except DomainError as error:
            raise forms.ValidationError(str(error)) from error
        self.confirm_login_allowed(found.user)
        self.user_cache: Any = found.user
        self.second_factor = found.second_factor
        if not settings.DEMO and not self.second_factor:
            raise forms.ValidationError(_("An operator needs a second factor: manage.py create_operator gives one."))
        return data


class OperatorLogin(LoginView):
    """Django's login page whose session hangs on a row of ours."""

    form_class = OperatorForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        page_sign_in(self.request, user, second_factor=form.second_factor)
        return HttpResponseRedirect(self.get_success_url())


def login(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The console's sign-in page."""
    index = request.path.removesuffix("login/")
    if request.method == "GET" and may_enter(request):
        return HttpResponseRedirect(index)
    context = {**admin.site.each_context(request), "title": _("Sign in"), "subtitle": None, "app_path": request.get_full_path()}
    context |= {"next": request.GET.get("next", index), **(extra_context or {})}
    return OperatorLogin.as_view(extra_context=context, next_page=index)(request)  # type: ignore[return-value]


def may_enter(request: HttpRequest) -> bool:
    """Whether the page's caller is an operator who, outside demo mode, showed a second factor."""
    principal: Any = getattr(request, "principal", None)
    return bool(principal and principal.is_operator and (settings.DEMO or principal.second_factor))


admin.site.login = login  # type: ignore[method-assign]
admin.site.has_permission = may_enter  # type: ignore[method-assign]
admin.site.site_header = "Atelier"
admin.site.site_title = "Atelier"
