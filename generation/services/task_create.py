"""Creating a task: judged, priced, paid and queued in one round trip to the database."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction

from accounts.services.authentication import ALLOWED, Fold, access_claims, principal_of, principal_with
from accounts.services.event import announcement
from accounts.services.idempotency import idempotency_kept
from config.kernel import clock, ids, outbound, sql
from config.kernel.errors import DomainError, FieldError, InvalidInput, SystemFailure, naming
from config.kernel.principal import Principal
from generation.dispatch import task_announce
from generation.exceptions import EngineBusy, EngineUnavailable, ModelRetired
from generation.exceptions_media import MediaInvalid
from generation.kinds import KINDS, TIMED_INPUT_MAX_S, TIMED_INPUT_UNKNOWN_S, Input, Kind
from generation.models import Asset, Task
from generation.selectors.estimate import estimate_s
from generation.selectors.routes import alias_state
from generation.services.link import own_asset_of
from generation.services.moderation import texts_judge

ARGUMENTS = "%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
CREATE = f"SELECT * FROM generation_task_create(true, %s, %s, {ARGUMENTS})"  # noqa: S608  (constants only)
ORDER = Fold(
    columns=", c.task_id, c.task_uuid, c.cost, c.told_s, c.balance, c.event_number, c.replayed",
    joins=f"LEFT JOIN LATERAL generation_task_create({ALLOWED}, u.id, k.id, {ARGUMENTS}) c ON true",
)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The client's key and the hash of what was asked under it."""

    key: str
    input_hash: bytes


@dataclass(frozen=True, slots=True)
class CreatedTask:
    """A task that was created and paid for, or the first one again (`replayed`; then `balance` is None)."""

    id: int
    uuid: UUID
    cost_credits: int
    estimate_s: int
    balance: int | None
    replayed: bool


def task_create(
    *,
    principal: Principal,
    kind: str,
    offer: str,
    alias: str,
    params: dict[str, Any],
    webhook_url: str = "",
    idempotency: IdempotencyKey | None = None,
    retry_of_id: int | None = None,
    at: dt.datetime | None = None,
) -> CreatedTask:
    """A PENDING task of the caller exists, its price is spent (per-second kinds: held), its event is logged, a worker is woken.

    `params` are the client's, already of the kind's types. Locks the caller's wallet and event head, and the queue when it is nearly
    full. Raises InvalidInput, AddressRefused, NotFound (an asset of somebody else), PictureTooLarge, ModelRetired, EngineUnavailable,
    EngineBusy, SensitiveContent, ModerationUnavailable, QueueFull, InsufficientCredits, BudgetExceeded, IdempotencyConflict,
    IdempotencyRunning; then nothing moved. Not to be called in a transaction: a moderator outside may be asked, and what moderation
    stops stays recorded. Source: contracts/README "Charging", "Repeats"; design "A task's life".
    """
    try:
        asked = _judged(principal.user_id, kind, offer, alias, params, webhook_url, idempotency, retry_of_id, at)
        texts_judge(user_id=principal.user_id, kind=kind, params=params)
    except DomainError:
        first = _first(principal.user_id, idempotency)
        if first is None:
            raise
        return first
    row = sql.call(CREATE, (principal.user_id, principal.api_key_id, *asked))
    return _created(principal.user_id, kind, row)


def task_order(
    *,
    access_token: str,
    api_key: str,
    kind: str,
    offer: str,
    alias: str,
    params: dict[str, Any],
    webhook_url: str = "",
    idempotency: IdempotencyKey | None = None,
) -> CreatedTask:
    """`task_create` for whoever the token and the key prove, in the statement that proves them: the hot door's one round trip.

    What moderation stops, or a moderator outside is to see, is proven by a statement of its own before.

    Raises NotSignedIn, TokenExpired, UserBanned, NotAllowed besides; the proof comes before whatever the order is refused for,
    apart from what `_judged` finds in the input itself.
    """
    user_id = access_claims(access_token).user_id
    proof = partial(principal_of, access_token=access_token, api_key=api_key)
    try:
        asked = _judged(user_id, kind, offer, alias, params, webhook_url, idempotency, None, None)
        texts_judge(user_id=user_id, kind=kind, params=params, prove=proof)
    except DomainError:
        first = _first(user_id, idempotency)
        if first is None:
            raise
        proof()
        return first
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        fold = replace(ORDER, params=(clock.real_now(), *asked))
        _, row = principal_with(fold, access_token=access_token, api_key=api_key)
    return _created(user_id, kind, row)


def _judged(
    user_id: int,
    kind: str,
    offer: str,
    alias: str,
    params: dict[str, Any],
    webhook_url: str,
    idempotency: IdempotencyKey | None,
    retry_of_id: int | None,
    at: dt.datetime | None,
) -> tuple[Any, ...]:
    """The arguments of `generation_task_create` after user and key; everything that can be judged without a lock has been."""
    _judge_alias(kind, alias)
    if webhook_url:
        with naming("webhook_url"):
            outbound.judge(webhook_url, resolve=False)
    _judge_limits(KINDS[kind], params)
    params, units = _judge_inputs(KINDS[kind], params, user_id)
    real_now = clock.real_now()
    return (
        ids.public_uuid(), kind, offer, alias, orjson.dumps(params).decode(), units,
        estimate_s(kind, alias), estimate_s(kind, alias, priority=1), True, webhook_url, ids.secret_token(size_bytes=24), retry_of_id,
        idempotency.key if idempotency else None, idempotency.input_hash if idempotency else None, None,
        settings.QUEUE_LIMIT if settings.RATE_LIMITS else 0,
        real_now + dt.timedelta(seconds=settings.TASK_DEADLINE_S), real_now, at or clock.now(),
    )  # fmt: skip


def _first(user_id: int, idempotency: IdempotencyKey | None) -> CreatedTask | None:
    """The task that the user made under this key for the same input: whatever a repeat would be refused for, it is the answer."""
    kept = idempotency_kept(user_id=user_id, key=idempotency.key, input_hash=idempotency.input_hash) if idempotency else None
    task = Task.objects.filter(user_id=user_id, uuid=kept.reference).first() if kept and kept.reference else None
    return CreatedTask(task.pk, task.uuid, task.cost_credits, task.estimate_s, None, True) if task else None


def _created(user_id: int, kind: str, row: Any) -> CreatedTask:
    if row.task_id is None:  # the caller was proven and the function still refused: never a success without a task
        raise SystemFailure()
    created = CreatedTask(row.task_id, row.task_uuid, row.cost, row.told_s, row.balance, row.replayed)
    if not created.replayed:
        _tell(user_id, row.event_number, created, kind)
    return created


def _tell(user_id: int, number: int, created: CreatedTask, kind: str) -> None:
    """After commit, a worker is woken and the user's sockets hear of the task."""
    payload = {"task_id": str(created.uuid), "kind": kind, "status": "PENDING", "cost": created.cost_credits}

    transaction.on_commit(partial(task_announce, *announcement(user_id, number, "task.created", payload)), robust=True)


def _judge_alias(kind: str, alias: str) -> None:
    state = alias_state(kind, alias)
    if state == "retired":
        raise ModelRetired(alias=alias)
    if state == "down":
        raise EngineUnavailable()
    if state == "busy":
        raise EngineBusy()


def _judge_limits(kind: Kind, params: dict[str, Any]) -> None:
    """Raises InvalidInput for every parameter beyond the kind's limits."""
    wrong = [FieldError(("body", name), text, "value_error.limit") for name, text in kind.breaches(params).items()]
    if wrong:
        raise InvalidInput(*wrong)


def _judge_inputs(kind: Kind, params: dict[str, Any], user_id: int) -> tuple[dict[str, Any], int]:
    """The parameters with every address judged, and the units they cost: a batch's pictures, or the seconds that are reserved."""
    units = kind.pictures(params)
    for declared in kind.inputs:
        value = params[declared.param]
        addresses: list[str] = value if declared.is_list else [value]
        for address in addresses:
            asset = _judge_address(declared, address, user_id)
            if asset is not None and asset.width and asset.height:
                kind.judge_picture(asset.width, asset.height, params)
            if declared.param == kind.timed_by:
                units = _reserved_s(asset)
    return ({**params, "reserved_s": units} if kind.timed_by else params), units


def _judge_address(declared: Input, address: str, user_id: int) -> Asset | None:
    """The caller's own asset behind `address`, or None for a foreign one that may be fetched later."""
    with naming(declared.param):
        asset = own_asset_of(address, user_id)
        if asset is None:
            outbound.judge(address, resolve=False)
    if asset is not None and (asset.kind != declared.media or asset.size_bytes > declared.limit_bytes):
        reason = f"it must be a {declared.media} of at most {declared.limit_bytes // 1024**2} MB"
        raise MediaInvalid(reason=reason, field=declared.param)
    return asset


def _reserved_s(asset: Asset | None) -> int:
    if asset is None:
        return TIMED_INPUT_UNKNOWN_S
    seconds = math.ceil((asset.duration_ms or 0) / 1000)
    if not 1 <= seconds <= TIMED_INPUT_MAX_S:
        raise InvalidInput(
            FieldError(("body", "video_url"), f"the video must be 1 to {TIMED_INPUT_MAX_S} seconds long", "value_error.duration")
        )
    return seconds
