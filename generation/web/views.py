"""The pages on which people make things: the bench, one task, and everything they have made."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.kernel import clock, ids
from config.kernel.errors import DomainError
from config.kernel.principal import Principal
from generation.kinds import KINDS
from generation.models import Task
from generation.selectors.estimate import estimate_s
from generation.selectors.late import lates_of
from generation.selectors.named import outputs_of
from generation.selectors.place import queue_places
from generation.selectors.task import task_of, tasks_page
from generation.services.cancel import CancelResult, task_cancel
from generation.services.late import late_drop, late_take
from generation.services.retry import task_retry
from generation.services.task_create import IdempotencyKey
from generation.states import RETRYABLE, TaskState
from generation.web.cards import TaskCard, is_recent_trouble, open_first
from generation.web.making import Wish, kept_of, upload_of, wish_again, wish_read, wish_submit
from generation.web.quote import Quote, prices_again
from generation.web.wording import ENGINE_NOTE, PAGE_KINDS, PROMPT_LIMIT, TEXT_TO_VIDEO, PageKind
from operations.templatetags.pages import clock_text, spell
from operations.web.callers import local_path, signed_in
from operations.web.context import wallet_url
from operations.web.problems import Problem, problem_of

BENCH_TASKS, HISTORY_TASKS = 24, 20


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def create(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The form, its receipt and the bench; a POST orders what the form says, once for each form."""
    kind = _kind(request)
    if request.method != "POST":
        return _bench_page(request, principal, wish_read(kind, _wished(request, principal, kind), {}, principal.user_id))
    wish = wish_read(kind, request.POST, request.FILES, principal.user_id, is_sent=True)
    try:
        problem = wish_submit(wish, principal)
    except DomainError as error:
        problem = problem_of(error)
    if problem is not None:
        return _bench_page(request, principal, wish, problem)
    return redirect(f"{reverse('create')}?{urlencode({'kind': kind.name, **wish.form.choices()})}")


def _kind(request: HttpRequest) -> PageKind:
    return PAGE_KINDS.get(request.POST.get("kind") or request.GET.get("kind", ""), TEXT_TO_VIDEO)


def _wished(request: HttpRequest, principal: Principal, kind: PageKind) -> dict[str, Any]:
    """What the form starts with: the address's own words, or an earlier task of the caller (`from`)."""
    earlier = ids.parse_uuid(request.GET.get("from", ""))
    task = task_of(user_id=principal.user_id, task_uuid=earlier) if earlier else None
    values = wish_again(kind, task) if task is not None and task.kind == kind.name else {}
    return {**values, **{name: text for name, text in request.GET.items() if name in {"prompt", *(choice.name for choice in kind.choices)}}}


def _bench_page(request: HttpRequest, principal: Principal, wish: Wish, problem: Problem | None = None) -> HttpResponse:
    context = {**_form_context(wish), **_bench_context(principal), "section": "create", "problem": problem}
    return render(request, "pages/create.html", context, status=problem.status if problem else 200)


def _form_context(wish: Wish) -> dict[str, Any]:
    kind = wish.kind
    choices = [
        {
            "name": choice.name,
            "label": choice.label,
            "options": [
                {"value": option.value, "label": option.label, "shape": option.shape, "checked": option.value == wish.form.chosen(choice)}
                for option in choice.options
            ],
        }
        for choice in kind.choices
    ]
    return {
        "kind": kind,
        "kinds": list(PAGE_KINDS.values()),
        "form": wish.form,
        "choices": choices,
        "drops": wish.drops(),
        "quote": wish.quote,
        "prices_json": wish.quote.prices_json,
        "prompt_limit": PROMPT_LIMIT,
        "token": wish.token,
        "wallet_url": wallet_url(),
        "upload_url": reverse("create-upload"),
        "receipt_note": _receipt_note(kind, wish.quote),
    }


def _receipt_note(kind: PageKind, quote: Quote) -> str:
    usual = _("Usually %(time)s. Returned in full if it fails.") % {"time": spell(estimate_s(kind.name, kind.alias))}
    if quote.unit != "second":
        return usual
    return _("Held until the film is done, then charged by its real length.") + " " + usual


def _bench_context(principal: Principal) -> dict[str, Any]:
    now = clock.real_now()
    tasks = tasks_page(user_id=principal.user_id, limit=BENCH_TASKS)
    cards = _cards(tasks, principal.user_id)
    on_bench = [card for card in cards if card.is_open or card.is_late or is_recent_trouble(card.task, now)]
    return {
        "open_cards": open_first(on_bench),
        "done_cards": [card for card in cards if card.is_done],
        "has_open": any(card.is_open for card in on_bench),
        "engine_note": ENGINE_NOTE,
        "empty_title": _("Nothing on the bench"),
        "empty_text": _("What you make will hang here. Everything is priced before it starts."),
    }


def _cards(tasks: list[Task], user_id: int) -> list[TaskCard]:
    places = queue_places(user_id=user_id) if any(task.status == TaskState.PENDING for task in tasks) else {}
    over = [task for task in tasks if task.status in RETRYABLE]
    lates = lates_of(task_ids=[task.pk for task in over]) if over else {}
    again = prices_again(over)
    batches = [task.pk for task in tasks if task.status != TaskState.PENDING and KINDS[task.kind].pictures(task.params) > 1]
    outputs = outputs_of(user_id=user_id, task_ids=batches) if batches else {}
    return [
        TaskCard(task, place=places.get(task.pk), retry_price=again.get(task.pk), late=lates.get(task.pk), outputs=outputs.get(task.pk, ()))
        for task in tasks
    ]


@require_GET
@signed_in
def quote(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The receipt for what is chosen now."""
    wish = wish_read(_kind(request), request.GET, {}, principal.user_id)
    return render(request, "pages/quote.html", {"quote": wish.quote, "wallet_url": wallet_url()})


@require_POST
@signed_in
def upload(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A file becomes an asset of the caller: 201 with its id, or the reason why not."""
    file, name = request.FILES.get("file"), request.POST.get("name", "")
    if file is None or name not in {"image", "video"}:
        return JsonResponse({"error": _("Choose a file.")}, status=422)
    try:
        asset = upload_of(file, media=name, user_id=principal.user_id)
    except DomainError as error:
        problem = problem_of(error)
        return JsonResponse({"error": problem.text}, status=problem.status)
    kept = kept_of(asset, str(file.name))
    note = clock_text(asset.duration_ms) if asset.duration_ms else f"{asset.width} × {asset.height}"
    return JsonResponse({"uuid": str(asset.uuid), "shape": kept.shape, "poster": kept.poster, "note": note}, status=201)


def _own_task(principal: Principal, task_uuid: UUID) -> TaskCard:
    task = task_of(user_id=principal.user_id, task_uuid=task_uuid)
    if task is None:
        raise Http404
    return _cards([task], principal.user_id)[0]


@require_GET
@signed_in
def task_fragment(request: HttpRequest, principal: Principal, task_uuid: UUID) -> HttpResponse:
    """One task as it stands on the bench."""
    return render(request, "elements/task.html", {"card": _own_task(principal, task_uuid)})


@require_GET
@signed_in
def task(request: HttpRequest, principal: Principal, task_uuid: UUID) -> HttpResponse:
    """One task: its results, its prompt, what it took and cost."""
    card = _own_task(principal, task_uuid)
    again = f"{reverse('create')}?{urlencode({'kind': card.kind, 'from': card.uuid})}" if card.kind in PAGE_KINDS else ""
    return render(request, "pages/task.html", {"card": card, "again": again, "engine_note": ENGINE_NOTE, "section": "history"})


@require_GET
@signed_in
def history(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Everything the caller ordered, newest first, in pages."""
    before = request.GET.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    tasks = tasks_page(user_id=principal.user_id, before_id=before_id, limit=HISTORY_TASKS + 1)
    cards = _cards(tasks[:HISTORY_TASKS], principal.user_id)
    context = {
        "cards": cards,
        "newer": reverse("history") if before_id else "",
        "older": f"{reverse('history')}?before={tasks[HISTORY_TASKS - 1].pk}" if len(tasks) > HISTORY_TASKS else "",
        "empty_title": _("Nothing made yet"),
        "empty_text": _("Everything you order will stand here, with what it cost and what came back."),
        "section": "history",
    }
    return render(request, "pages/history.html", context)


@require_POST
@signed_in
def cancel(request: HttpRequest, principal: Principal, task_uuid: UUID) -> HttpResponse:
    """The task is cancelled, or its engine is asked to stop."""
    card = _own_task(principal, task_uuid)
    try:
        result = task_cancel(user_id=principal.user_id, task_uuid=task_uuid)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        if result is CancelResult.REQUESTED:
            messages.info(request, _("The engine was asked to stop. If it cannot, the work is finished and charged."))
        else:
            messages.success(request, _("“%(title)s” is cancelled. %(money)s") % {"title": card.title, "money": card.money_back})
    return _back(request)


@require_POST
@signed_in
def retry(request: HttpRequest, principal: Principal, task_uuid: UUID) -> HttpResponse:
    """The task is ordered anew at today's price, once for each button."""
    card = _own_task(principal, task_uuid)
    token = ids.parse_uuid(request.POST.get("token", ""))
    key = IdempotencyKey(f"page-retry:{token}", card.uuid.bytes * 2) if token else None
    try:
        task_retry(principal=principal, task_uuid=task_uuid, idempotency=key)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    return _back(request)


@require_POST
@signed_in
def late(request: HttpRequest, principal: Principal, task_uuid: UUID) -> HttpResponse:
    """What came after its refund is taken at the quoted price, or let go."""
    _own_task(principal, task_uuid)
    try:
        if request.POST.get("choice") == "take":
            late_take(user_id=principal.user_id, task_uuid=task_uuid)
        else:
            late_drop(user_id=principal.user_id, task_uuid=task_uuid)
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page of ours that the button stood on."""
    return redirect(local_path(request.POST.get("next"), reverse("create")))
