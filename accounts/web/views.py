"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.selectors.user import demo_user
from accounts.services.mail import password_reset, password_reset_request
from accounts.services.password import password_sign_in
from accounts.services.sign_in import sign_in_existing
from accounts.services.sms import sms_send, sms_sign_in
from accounts.web.client import client_address
from accounts.web.forms import AddressForm, NewPasswordForm, PasswordForm, PhoneForm
from accounts.web.session import page_sign_in, page_sign_out
from config.kernel.errors import DomainError, InvalidInput, TooManyRequests
from credits.selectors.wallet import balance_of
from operations.templatetags.pages import credits_text
from operations.web.callers import local_path, principal_of_page
from operations.web.home import sign_in_work
from operations.web.problems import Problem, problem_of
from operations.web.views import too_many_requests

WAY_COOKIE = "way"
YEAR_S = 365 * 86_400
DEMO_SHOWN = 5


@dataclass(slots=True)
class Door:
    """One state of the sign-in page."""

    way: str
    next: str
    form: Any = None
    problem: str = ""
    sent: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in by some way."""

    user: User
    second_factor: bool = False
    is_restored: bool = False


def _ways() -> dict[str, str]:
    ways = {"sms": _("Text message"), "password": _("Password")}
    return {"demo": _("Demo user"), **ways} if settings.DEMO else ways


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; its POST signs in by the way that was chosen. It never tells whether an account exists."""
    target = local_path(request.POST.get("next") or request.GET.get("next"), reverse("create"))
    if request.method != "POST" and principal_of_page(request) is not None:
        return redirect(target)
    ways = _ways()
    wished = request.GET.get("way") or request.COOKIES.get(WAY_COOKIE, "")
    way = wished if wished in ways else next(iter(ways))
    door = Door(way, target, FORMS[way]() if way in FORMS else None)
    if request.method == "POST":
        return ENTRIES[way](request, door)
    return _door_page(request, door)


def _door_page(request: HttpRequest, door: Door) -> HttpResponse:
    query = urlencode({"next": door.next})
    links = [
        {"label": label, "href": f"?{urlencode({'way': name, 'next': door.next})}"} for name, label in _ways().items() if name != door.way
    ]
    google = _google_href(door.next)
    context = {
        "way": door.way,
        "next": door.next,
        "form": door.form,
        "problem": door.problem,
        "sent": door.sent,
        "action": f"{reverse('sign-in')}?{urlencode({'way': door.way})}&{query}",
        "ways": [*links, *([{"label": "Google", "href": google}] if google else [])],
        "people": _demo_people() if door.way == "demo" else [],
        "work": sign_in_work(),
    }
    return render(request, "pages/sign_in.html", context, status=door.status)


def _google_href(target: str) -> str:
    return f"{reverse('google-leave')}?{urlencode({'next': target})}" if settings.GOOGLE_CLIENT_ID else ""


def _demo_people() -> list[dict[str, str]]:
    people = User.objects.filter(is_demo=True, is_staff=False, erased_at__isnull=True).order_by("pk")[:DEMO_SHOWN]
    return [{"username": user.username, "note": credits_text(balance_of(user.pk).available)} for user in people]


def _by_password(request: HttpRequest, door: Door) -> HttpResponse:
    form = door.form = PasswordForm(request.POST)
    if not form.is_valid():
        return _refused(request, door, None)

    def enter() -> Entered:
        found = password_sign_in(**{**form.cleaned_data, "otp": form.cleaned_data["otp"] or None})
        return Entered(found.user, found.second_factor, found.is_restored)

    return _enter(request, door, enter)


def _by_sms(request: HttpRequest, door: Door) -> HttpResponse:
    form = door.form = PhoneForm(request.POST)
    if not form.is_valid():
        return _refused(request, door, None)
    if request.POST.get("send"):
        return _send_code(request, door, form.cleaned_data["phone"])
    if not form.cleaned_data["code"]:
        form.add_error("code", _("Write the code from the text message."))
        return _refused(request, door, None)

    def enter() -> Entered:
        found = sms_sign_in(phone=form.cleaned_data["phone"], code=form.cleaned_data["code"])
        return Entered(found.user, is_restored=found.is_restored)

    return _enter(request, door, enter)


def _send_code(request: HttpRequest, door: Door, phone: str) -> HttpResponse:
    try:
        sent = sms_send(phone=phone, address=client_address(request))
    except DomainError as error:
        return _refused(request, door, error)
    door.sent = _("Sent. The code works for %(m)s minutes.") % {"m": sent.expires_in // 60}
    return _door_page(request, door)


def _by_demo(request: HttpRequest, door: Door) -> HttpResponse:
    if not settings.DEMO:
        raise Http404

    def enter() -> Entered:
        found = sign_in_existing(user=demo_user(request.POST.get("username") or None))
        return Entered(found.user, is_restored=found.is_restored)

    return _enter(request, door, enter)


FORMS: dict[str, Callable[..., Any]] = {"password": PasswordForm, "sms": PhoneForm}
ENTRIES: dict[str, Callable[[HttpRequest, Door], HttpResponse]] = {"password": _by_password, "sms": _by_sms, "demo": _by_demo}


def _enter(request: HttpRequest, door: Door, way_in: Callable[[], Entered]) -> HttpResponse:
    """Through the door, or back to it with the reason in place."""
    try:
        entered = way_in()
        page_sign_in(request, entered.user, second_factor=entered.second_factor)
    except DomainError as error:
        return _refused(request, door, error)
    if entered.is_restored:
        messages.success(request, _("Your account is back. Nothing was deleted."))
    response = redirect(door.next)
    response.set_cookie(WAY_COOKIE, door.way, max_age=YEAR_S, samesite="Lax", httponly=True, secure=bool(settings.SESSION_COOKIE_SECURE))
    return response


def _refused(request: HttpRequest, door: Door, error: DomainError | None) -> HttpResponse:
    if isinstance(error, TooManyRequests):
        return too_many_requests(request, error.params["retry_after_s"])
    told = problem_of(error) if error else Problem("", 422)
    field = {"code_wrong": "code", "second_factor_wrong": "otp", "invalid_input": "phone"}.get(error.code if error else "")
    if field and door.form is not None and field in door.form.fields:
        door.form.add_error(field, told.text)
    else:
        door.problem = told.text
    door.status = told.status
    return _door_page(request, door)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """The page's session ends here and now."""
    page_sign_out(request)
    return redirect("home")


@require_http_methods(["GET", "HEAD", "POST"])
def password_forgotten(request: HttpRequest) -> HttpResponse:
    """Asks for an address; the answer is the same for everybody."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    is_sent = False
    if request.method == "POST" and form.is_valid():
        try:
            password_reset_request(address=form.cleaned_data["address"])
            is_sent = True
        except InvalidInput:
            form.add_error("address", _("This is not an e-mail address."))
        except DomainError as error:
            form.add_error("address", problem_of(error).text)
    status = 422 if form.errors else 200
    return render(request, "pages/password_forgotten.html", {"form": form, "sent": is_sent}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def password_new(request: HttpRequest) -> HttpResponse:
    """The link from the e-mail: a new password, and every session ends."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    problem, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                password_reset(token=request.GET.get("token", ""), password=form.cleaned_data["password"])
            except DomainError as error:
                problem = problem_of(error).text
            else:
                messages.success(request, _("The password is set. Sign in with it."))
                return redirect(f"{reverse('sign-in')}?way=password")
    response = render(request, "pages/password_reset.html", {"form": form, "problem": problem}, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return response
