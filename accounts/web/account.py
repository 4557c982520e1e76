"""The account pages: profile, keys, sessions, webhooks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Identity, Session, WebhookDelivery
from accounts.selectors.api_key import api_keys_of
from accounts.selectors.delivery import deliveries_page
from accounts.selectors.identity import identities_of
from accounts.selectors.user import user_of
from accounts.selectors.webhook import endpoints_of
from accounts.services.api_key import NewKey, api_key_create, api_key_revoke
from accounts.services.mail import mail_prove, mail_prove_request
from accounts.services.password import password_set
from accounts.services.session import session_list, session_revoke, session_revoke_all
from accounts.services.user import user_delete_request, user_update_profile
from accounts.services.webhook import delivery_replay
from accounts.web.forms import SCOPE_LABELS, KeyForm, NewPasswordForm, ProfileForm
from accounts.web.session import page_sign_out
from config.kernel.errors import DomainError
from config.kernel.ids import parse_uuid
from config.kernel.principal import Principal
from operations.web.callers import signed_in
from operations.web.problems import problem_of

DELIVERIES = 20
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))


def _frame(heading: str, current: str) -> dict[str, Any]:
    tabs = {"account": _("Profile"), "account-keys": _("API keys"), "account-sessions": _("Sessions"), "account-webhooks": _("Webhooks")}
    return {
        "heading": heading,
        "tabs": [{"href": reverse(name), "label": label, "current": name == current} for name, label in tabs.items()],
        "section": "account",
    }


def _profile_page(
    request: HttpRequest, principal: Principal, form: ProfileForm | None = None, word: NewPasswordForm | None = None
) -> HttpResponse:
    user = user_of(principal.user_id)
    start = {"username": user.username, "nickname": user.nickname, "language": user.language}
    ways = [{"label": _way_label(kind), "subject": _shown(kind, subject)} for kind, subject in identities_of(user.pk)]
    context = {"form": form or ProfileForm(initial=start), "password_form": word or NewPasswordForm(), "ways": ways}
    return render(request, "account/profile.html", {**_frame(_("Profile"), "account"), **context}, status=422 if form or word else 200)


def _way_label(kind: str) -> str:
    labels = {"email": _("E-mail"), "phone": _("Mobile phone"), "google": "Google", "wechat": _("WeChat")}
    return labels.get(kind, kind)


def _shown(kind: str, subject: str) -> str:
    """An outside account's number says nothing to its owner."""
    return subject if kind in {Identity.Kind.EMAIL, Identity.Kind.PHONE} else _("linked")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def profile(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Name, language, ways to sign in; a POST changes the profile."""
    if request.method != "POST":
        return _profile_page(request, principal)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _profile_page(request, principal, form)
    try:
        user_update_profile(user_id=principal.user_id, **form.cleaned_data)
    except DomainError as error:
        form.add_error("username", problem_of(error).text)
        return _profile_page(request, principal, form)
    messages.success(request, _("Saved."))
    return redirect("account")


@require_POST
@signed_in
def password(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A new password; every other session ends."""
    form = NewPasswordForm(request.POST)
    if not form.is_valid():
        return _profile_page(request, principal, word=form)
    try:
        password_set(user_id=principal.user_id, password=form.cleaned_data["password"], keep=principal.session_id)
    except DomainError as error:
        form.add_error("password", problem_of(error).text)
        return _profile_page(request, principal, word=form)
    messages.success(request, _("The password is set. Every other session has ended."))
    return redirect("account")


@require_POST
@signed_in
def mail(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A link to prove an address is on its way to it."""
    try:
        mail_prove_request(user_id=principal.user_id, address=request.POST.get("address", ""))
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        messages.success(request, _("A link is on its way. It works for one hour."))
    return redirect("account")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def mail_proof(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The link from the e-mail, for who asked for it: pressing the button proves the address, a mail scanner's look nothing."""
    problem = ""
    if request.method == "POST":
        try:
            mail_prove(token=request.GET.get("token", ""), user_id=principal.user_id)
        except DomainError as error:
            problem = problem_of(error).text
        else:
            messages.success(request, _("The address is proven."))
            return redirect("account")
    response = render(request, "pages/mail_proof.html", {"problem": problem}, status=422 if problem else 200)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
@signed_in
def delete(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The account is marked for deletion and signed out everywhere, once its name was typed."""
    user = user_of(principal.user_id)
    if request.POST.get("confirm", "").strip() != user.username:
        messages.error(request, _("The name does not fit. Nothing was deleted."))
        return redirect("account")
    try:
        user_delete_request(user_id=user.pk)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
        return redirect("account")
    page_sign_out(request)
    messages.info(request, _("The account will be deleted in 30 days. Signing in before that restores it."))
    return redirect("home")


def _keys_page(request: HttpRequest, principal: Principal, form: KeyForm, made: NewKey | None = None) -> HttpResponse:
    keys = api_keys_of(principal.user_id)
    for key in keys:
        key.may = ", ".join(str(SCOPE_LABELS.get(scope, scope)) for scope in key.scopes)  # type: ignore[attr-defined]
    context = {**_frame(_("API keys"), "account-keys"), "form": form, "keys": keys, "made": made}
    response = render(request, "account/keys.html", context, status=422 if form.errors else 200)
    if made:
        response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def keys(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The caller's keys; a POST makes one, shown in its answer and never again."""
    if request.method != "POST":
        return _keys_page(request, principal, KeyForm())
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, principal, form)
    try:
        made = api_key_create(user_id=principal.user_id, **form.cleaned_data)
    except DomainError as error:
        form.add_error("name", problem_of(error).text)
        return _keys_page(request, principal, form)
    return _keys_page(request, principal, KeyForm(), made)


@require_POST
@signed_in
def key_revoke(request: HttpRequest, principal: Principal, key_id: int) -> HttpResponse:
    """The key is refused from now on."""
    try:
        api_key_revoke(user_id=principal.user_id, api_key_id=key_id)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        messages.success(request, _("The key is revoked."))
    return redirect("account-keys")


def where_of(session: Session) -> str:
    """The browser or program of a session, in a word."""
    return next((name for mark, name in BROWSERS if mark in session.user_agent), session.user_agent[:40] or _("A program"))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def sessions(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Where the caller is signed in; a POST signs out everywhere, here too."""
    if request.method == "POST":
        session_revoke_all(user_id=principal.user_id)
        page_sign_out(request)
        messages.success(request, _("Signed out everywhere."))
        return redirect("sign-in")
    rows = [
        {
            "id": session.pk,
            "where": where_of(session),
            "address": session.address,
            "opened_at": session.opened_at,
            "last_used_at": session.last_used_at,
            "current": session.pk == principal.session_id,
        }
        for session in session_list(user_id=principal.user_id)
    ]
    return render(request, "account/sessions.html", {**_frame(_("Sessions"), "account-sessions"), "sessions": rows})


@require_POST
@signed_in
def session_end(request: HttpRequest, principal: Principal, session_id: UUID) -> HttpResponse:
    """One of the caller's sessions is refused from now on."""
    if session_revoke(user_id=principal.user_id, session_id=session_id, reason="page"):
        messages.success(request, _("The session has ended."))
    return redirect("account-sessions")


@require_GET
@signed_in
def webhooks(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What was sent to the caller's addresses, and every try of it."""
    before = parse_uuid(request.GET.get("before", ""))
    found = deliveries_page(user_id=principal.user_id, before=before, limit=DELIVERIES + 1)
    more = f"{reverse('account-webhooks')}?before={found[DELIVERIES - 1].pk}" if len(found) > DELIVERIES else ""
    context = {
        **_frame(_("Webhooks"), "account-webhooks"),
        "endpoints": endpoints_of(principal.user_id),
        "deliveries": [_delivery(row) for row in found[:DELIVERIES]],
        "newer": reverse("account-webhooks") if before else "",
        "older": more,
    }
    return render(request, "account/webhooks.html", context)


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    states = {
        WebhookDelivery.State.PENDING: (_("Waiting"), "wait"),
        WebhookDelivery.State.DELIVERED: (_("Delivered"), "ok"),
        WebhookDelivery.State.FAILED: (_("Failed"), "error"),
    }
    label, tone = states[WebhookDelivery.State(row.state)]
    return {
        "id": row.pk,
        "event_kind": row.event_kind,
        "reference": row.reference,
        "url": row.endpoint.url,
        "created_at": row.created_at,
        "tries": row.tries,
        "attempts": list(row.attempts.all()),
        "state_label": label,
        "tone": tone,
    }


@require_POST
@signed_in
def webhook_replay(request: HttpRequest, principal: Principal, delivery_id: UUID) -> HttpResponse:
    """The same bytes are sent once more, now."""
    try:
        attempt = delivery_replay(user_id=principal.user_id, delivery_id=delivery_id)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        messages.info(request, _("Sent. The answer was: %(answer)s.") % {"answer": attempt.status_code or attempt.error})
    return redirect("account-webhooks")
