"""Users: born with an event, changed, banned, deleted with thirty days' grace, erased."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from accounts.exceptions import DeletionBlocked, UsernameTaken, UserNotFound
from accounts.locks import user_lock
from accounts.models import ApiKey, ErasedIdentity, Idempotency, Identity, MailToken, SecondFactor, Session, SmsCode, User, WebhookEndpoint
from accounts.selectors.identity import erased_digests, identities_of, is_returning
from accounts.selectors.user import user_by_name
from accounts.services.event import event_append
from accounts.services.session import session_revoke_all
from config import reactions
from config.kernel import clock, outbound
from config.kernel.errors import InvalidInput, NotAllowed
from config.kernel.sql import fetch_one

logger = logging.getLogger(__name__)

GRACE = dt.timedelta(days=30)
NAME_MAX = 50
LANGUAGES = ("zh-CN", "zh-TW", "en", "ja", "ko")
EDITABLE = frozenset({"username", "nickname", "email", "phone", "region", "language", "avatar_url", "bio"})


def username_clean(username: str, *, shortest: int = 3) -> str:
    """The name in normal form. Raises InvalidInput unless it has `shortest` to 50 printable characters."""
    name = unicodedata.normalize("NFC", username).strip()
    if not shortest <= len(name) <= NAME_MAX:
        raise InvalidInput.field("username", f"ensure this value has {shortest} to {NAME_MAX} characters", "value_error.any_str.length")
    if not name.isprintable():
        raise InvalidInput.field("username", "only printable characters are allowed")
    return name


def username_free(wish: str) -> str:
    """`wish`, or with a suffix if somebody has it; at most 50 characters. Another may take it before you do."""
    name = wish[:NAME_MAX]
    while user_by_name(name) is not None:
        name = f"{wish[: NAME_MAX - 7]}_{secrets.randbelow(1_000_000):06d}"
    return name


def user_create(
    *,
    username: str,
    nickname: str = "",
    email: str = "",
    phone: str = "",
    region: str = "CN",
    language: str = "zh-CN",
    avatar_url: str = "",
    password: str | None = None,
    proven: Iterable[tuple[str, str]] = (),
    is_staff: bool = False,
    is_demo: bool = False,
    via: str = "",
    at: dt.datetime | None = None,
) -> User:
    """A user stands with the identities in `proven` (kind, subject) and the event `user.created`; its reactions have run.

    `email` and `phone` are contact text. Raises UsernameTaken; IdentityTaken is the caller's to prevent.
    """
    born = at or clock.now()
    user = User(
        username=username,
        nickname=nickname,
        email=email,
        phone=phone,
        region=region,
        language=language,
        avatar_url=avatar_url,
        is_staff=is_staff,
        is_superuser=is_staff,
        is_demo=is_demo,
        created_at=born,
    )
    user.set_password(password)
    with transaction.atomic():
        _save_named(user)
        for kind, subject in proven:
            Identity.objects.create(user=user, kind=kind, subject=subject, verified_at=born)
        payload = {"username": username, "via": via, "returning": is_returning(user.pk)}
        event_append(user_id=user.pk, kind="user.created", payload=payload, at=born)
    return user


def _save_named(user: User, update_fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            user.save(update_fields=update_fields)
    except IntegrityError as error:
        if "user_username_unique" in str(error):
            raise UsernameTaken() from error
        raise


def user_update_profile(*, user_id: int, **changes: Any) -> User:
    """The named fields of the profile are changed; e-mail and phone set here are contact text and prove nothing.

    An avatar that was there before is told by `user.avatar_replaced`. Locks the user's row.
    Raises UserNotFound, UsernameTaken, InvalidInput, AddressRefused (an avatar on a private address).
    """
    unknown = set(changes) - EDITABLE
    if unknown:
        raise TypeError(f"not editable: {sorted(unknown)}")
    if "username" in changes:
        changes["username"] = username_clean(changes["username"])
    if "nickname" in changes:
        changes["nickname"] = changes["nickname"].strip()  # blanks alone are none: the user's name is shown
    if changes.get("language", "en") not in LANGUAGES:
        raise InvalidInput.field("language", f"must be one of {', '.join(LANGUAGES)}", "type_error.enum")
    if changes.get("avatar_url"):
        outbound.judge(changes["avatar_url"], resolve=False)
    with transaction.atomic():
        user = user_lock(user_id)
        if user is None:
            raise UserNotFound()
        before = user.avatar_url
        for name, value in changes.items():
            setattr(user, name, value)
        if changes:
            user.profile_changed_at = clock.now()
            _save_named(user, update_fields=[*sorted(changes), "profile_changed_at"])
        if before not in ("", user.avatar_url):
            event_append(user_id=user_id, kind="user.avatar_replaced", payload={"before": before})
    return user


def user_ban(*, user_id: int, banned: bool, by: int | None = None, reason: str = "", at: dt.datetime | None = None) -> User:
    """The user is banned and signed out everywhere (tokens and keys answer `user_banned`), or not banned any more.

    `by` is the operator, in whose name the console's history keeps it with `reason`. What is so already stays as it is.
    Locks the user's row. Raises UserNotFound, NotAllowed (oneself; a superuser, unless by another).
    """
    now = at or clock.now()
    with transaction.atomic():
        user = user_lock(user_id)
        if user is None or user.erased_at is not None:
            raise UserNotFound()
        if by is not None:
            _ban_judge(user, by)
        if (user.banned_at is not None) != banned:
            _ban_set(user, now if banned else None, reason)
            _ban_note(user, by, reason)
    return user


def _ban_judge(user: User, by: int) -> None:
    if user.pk == by or (user.is_superuser and not User.objects.filter(pk=by, is_superuser=True).exists()):
        raise NotAllowed()


def _ban_set(user: User, banned_at: dt.datetime | None, reason: str) -> None:
    user.banned_at = banned_at
    user.save(update_fields=["banned_at"])
    if banned_at is not None:
        session_revoke_all(user_id=user.pk, reason="banned")
    event_append(user_id=user.pk, kind="user.banned" if banned_at else "user.unbanned", payload={"reason": reason})


def _ban_note(user: User, by: int | None, reason: str) -> None:
    if by is not None:
        what = "banned" if user.banned_at else "unbanned"
        text = f"{what}: {reason}" if reason else what
        LogEntry.objects.log_actions(by, [user], CHANGE, change_message=text, single_object=True)


def _blocker(user_id: int) -> str | None:
    """Why this account must stay for now (`config/reactions.py`), or None."""
    for name in reactions.DELETION_BLOCKERS:
        reason: str | None = import_string(name)(user_id)
        if reason:
            return reason
    return None


def user_delete_request(*, user_id: int, at: dt.datetime | None = None) -> None:
    """The account is marked for deletion in 30 days and signed out everywhere; a second request changes nothing.

    Raises UserNotFound, DeletionBlocked (an open withdrawal or dispute).
    """
    now = at or clock.now()
    with transaction.atomic():
        user = user_lock(user_id)
        if user is None or user.erased_at is not None:
            raise UserNotFound()
        reason = _blocker(user_id)
        if reason:
            raise DeletionBlocked(reason=reason)
        session_revoke_all(user_id=user_id, reason="deletion")
        if user.deletion_requested_at is not None:
            return
        User.objects.filter(pk=user_id).update(deletion_requested_at=now)
        event_append(user_id=user_id, kind="user.deletion_requested", payload={"until": (now + GRACE).isoformat()}, at=now)


def user_restore(*, user_id: int, at: dt.datetime | None = None) -> bool:
    """Within the 30 days the deletion is taken back; False if there was none to take back or it is too late."""
    now = at or clock.now()
    with transaction.atomic():
        marked = User.objects.filter(pk=user_id, erased_at__isnull=True, deletion_requested_at__gt=now - GRACE)
        if not marked.update(deletion_requested_at=None):
            return False
        event_append(user_id=user_id, kind="user.restored", payload={}, at=now)
    return True


def user_erase(*, user_id: int, at: dt.datetime | None = None) -> bool:
    """After the 30 days the person is gone: profile, identities (a keyed hash stays), sessions, keys, webhooks, event payloads.

    The ledger and the event numbers stay. False if it is not due, blocked, or done already.
    """
    now = at or clock.now()
    with transaction.atomic():
        user = user_lock(user_id)
        due = user is not None and user.deletion_requested_at is not None and user.deletion_requested_at <= now - GRACE
        if user is None or not due or user.erased_at is not None or _blocker(user_id):
            return False
        event_append(user_id=user_id, kind="user.erased", payload={}, at=now)
        _erase_identities(user_id, now)
        _erase_belongings(user_id)
        _erase_profile(user, now)
        fetch_one("SELECT accounts_event_erase(%s::bigint)", (user_id,))
    return True


def _erase_identities(user_id: int, at: dt.datetime) -> None:
    found = identities_of(user_id)
    rows = [ErasedIdentity(digest=erased_digests(kind, subject)[0], erased_at=at) for kind, subject in found]
    ErasedIdentity.objects.bulk_create(rows, ignore_conflicts=True)
    SmsCode.objects.filter(phone__in=[subject for kind, subject in found if kind == Identity.Kind.PHONE]).delete()
    Identity.objects.filter(user_id=user_id).delete()


def _erase_belongings(user_id: int) -> None:
    """What names the person or lets them in is gone; keys stay as revoked rows, because tasks refer to them.

    Of what operators did to the account only who and when stays: their notes quote names.
    """
    for model in (Session, MailToken, SecondFactor, Idempotency, WebhookEndpoint):
        model._default_manager.filter(user_id=user_id).delete()
    LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=user_id).update(
        object_repr="", change_message=""
    )
    keys = ApiKey.objects.filter(user_id=user_id)
    keys.update(name="", prefix="", webhook_secret="")
    keys.filter(revoked_at__isnull=True).update(revoked_at=clock.real_now())


def _erase_profile(user: User, at: dt.datetime) -> None:
    user.set_unusable_password()
    user.username = f"erased-{user.uuid.hex[:16]}"
    user.nickname = user.email = user.phone = user.avatar_url = user.bio = ""
    user.region, user.language = "CN", "zh-CN"
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login_at = None
    user.erased_at = at
    user.save()


def user_erase_due(*, limit: int = 100, at: dt.datetime | None = None) -> int:
    """Sweep: up to `limit` accounts whose 30 days are over are erased, each in its own transaction; returns how many."""
    now = at or clock.now()
    due = User.objects.filter(deletion_requested_at__lte=now - GRACE, erased_at__isnull=True).order_by("deletion_requested_at")
    return sum(_erased_safely(user_id, now) for user_id in due.values_list("pk", flat=True)[:limit])


def _erased_safely(user_id: int, at: dt.datetime) -> bool:
    try:
        return user_erase(user_id=user_id, at=at)
    except Exception:
        logger.exception("user %s could not be erased; the next sweep tries again", user_id)
        return False
