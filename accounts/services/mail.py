"""E-mail: addresses are proven and passwords reset by links that work once, for an hour. Real time throughout."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import dispatch
from accounts.exceptions import IdentityTaken, LinkInvalid, UserNotFound
from accounts.locks import name_lock
from accounts.models import Identity, MailToken, User
from accounts.selectors.identity import identity_owner
from accounts.services.password import email_clean, password_set
from accounts.services.token import real
from config.kernel import limits
from config.kernel.errors import CacheUnavailable, NotConfigured, TooManyRequests
from config.kernel.ids import digest, secret_token

LINK_LIFE = dt.timedelta(hours=1)
LINKS_AN_HOUR = 5
PROVE_PATH = "/account/email/prove"
RESET_PATH = "/account/password/reset"
"""Where the pages take a link: `<path>?token=<token>`."""


def mail_prove_request(*, user_id: int, address: str, at: dt.datetime | None = None) -> None:
    """A link to prove `address` is on its way to it; following it makes the address the user's identity.

    Whether another has the address is told only to who follows the link. Raises InvalidInput, UserNotFound, TooManyRequests.
    """
    to = email_clean(address)
    user = User.objects.filter(pk=user_id, erased_at__isnull=True).first()
    if user is None:
        raise UserNotFound()
    limits.take("mail", to, LINKS_AN_HOUR, 3600)
    limits.take("mail-user", str(user_id), 2 * LINKS_AN_HOUR, 3600)
    link = _link(user_id, MailToken.Purpose.PROVE, to, PROVE_PATH, real(at))
    text = _("Open this link to confirm this address for the account %(name)s:") % {"name": user.username}
    _send(to, _("Confirm your e-mail address"), text, link)


def mail_prove(*, token: str, user_id: int | None = None, at: dt.datetime | None = None) -> User:
    """The address of the link is proven: the user's one e-mail identity and contact address.

    With `user_id` (who follows the link) it must be the one who asked for it: nobody is talked into giving a
    stranger's account their own address. Raises LinkInvalid, IdentityTaken.
    """
    now = real(at)
    with transaction.atomic():
        row = _used_up(token, MailToken.Purpose.PROVE, now)
        if user_id is not None and row.user_id != user_id:
            raise LinkInvalid()
        name_lock("identity", f"email:{row.address}")
        owner = identity_owner(Identity.Kind.EMAIL, row.address)
        if owner is not None and owner.pk != row.user_id:
            raise IdentityTaken()
        Identity.objects.filter(user_id=row.user_id, kind=Identity.Kind.EMAIL).exclude(subject=row.address).delete()
        Identity.objects.get_or_create(kind=Identity.Kind.EMAIL, subject=row.address, defaults={"user_id": row.user_id, "verified_at": now})
        User.objects.filter(pk=row.user_id).update(email=row.address)
        return row.user


def password_reset_request(*, address: str) -> None:
    """If `address` is somebody's proven one, a link to a new password is on its way. The answer is the same for everybody,
    and as quick: a worker looks the address up. Raises InvalidInput, CacheUnavailable (no broker)."""
    to = email_clean(address)
    try:
        limits.take("mail", to, LINKS_AN_HOUR, 3600)
    except TooManyRequests:
        return
    if not dispatch.password_reset_mail(to):
        raise CacheUnavailable()


def password_reset_mail(*, address: str, at: dt.datetime | None = None) -> bool:
    """The worker's half: the link is sent if the address is a proven one; False if it is nobody's."""
    user = identity_owner(Identity.Kind.EMAIL, address)
    if user is None or user.erased_at is not None:
        return False
    link = _link(user.pk, MailToken.Purpose.RESET, address, RESET_PATH, real(at))
    _send(address, _("Set a new password"), _("Open this link to set a new password:"), link)
    return True


def password_reset(*, token: str, password: str, at: dt.datetime | None = None) -> User:
    """The user of the link has this password and is signed out everywhere. Raises LinkInvalid, InvalidInput (the link still works)."""
    with transaction.atomic():
        row = _used_up(token, MailToken.Purpose.RESET, real(at))
        password_set(user_id=row.user_id, password=password)
        MailToken.objects.filter(user_id=row.user_id, purpose=MailToken.Purpose.RESET, used_at__isnull=True).delete()
        return row.user


def _link(user_id: int, purpose: str, address: str, path: str, at: dt.datetime) -> str:
    token = secret_token()
    MailToken.objects.create(
        digest=digest(token), user_id=user_id, purpose=purpose, address=address, created_at=at, expires_at=at + LINK_LIFE
    )
    return f"{settings.PUBLIC_BASE_URL}{path}?token={token}"


def _used_up(token: str, purpose: str, at: dt.datetime) -> MailToken:
    """The unspent link of this purpose, spent in the caller's transaction. Raises LinkInvalid."""
    fresh = MailToken.objects.filter(pk=digest(token), purpose=purpose, used_at__isnull=True, expires_at__gt=at)
    if not fresh.update(used_at=at):
        raise LinkInvalid()
    return MailToken.objects.select_related("user").get(pk=digest(token))


def _send(to: str, subject: str, text: str, link: str) -> None:
    """One mail, after the rows it speaks of; demo mode writes it into a file. Raises NotConfigured when no server takes it."""
    if settings.DEMO:
        Path(settings.EMAIL_FILE_PATH).mkdir(mode=0o700, parents=True, exist_ok=True)
    body = "\n\n".join((text, link, _("It works once, for one hour. If you did not ask for it, ignore it.")))
    try:
        send_mail(subject, body, None, [to])
    except OSError as error:
        raise NotConfigured(service="e-mail") from error


def mail_sweep(*, at: dt.datetime | None = None) -> int:
    """Links older than a day are forgotten; returns how many."""
    count, _rows = MailToken.objects.filter(created_at__lt=real(at) - dt.timedelta(days=1)).delete()
    return count
