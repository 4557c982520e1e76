"""Password accounts: registered, signed in, changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.exceptions import PasswordWrong, SecondFactorWrong, UserNotFound
from accounts.models import Identity, User
from accounts.selectors.identity import identity_owner
from accounts.selectors.user import user_by_name
from accounts.services.second_factor import second_factor_check, second_factor_stands
from accounts.services.session import session_revoke_all
from accounts.services.sign_in import sign_in_existing
from accounts.services.user import user_create, username_clean
from config.kernel import clock, limits
from config.kernel.errors import InvalidInput

SHORTEST, LONGEST = 8, 128
TRIES, TRIES_PERIOD_S = 30, 900


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    """Who signed in; whether a second factor was shown; whether a deletion was taken back by it."""

    user: User
    second_factor: bool
    is_restored: bool


def password_clean(password: str, *, username: str = "") -> str:
    """The password if it is 8–128 characters and not the user's name. Raises InvalidInput."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput.field("password", f"ensure this value has {SHORTEST} to {LONGEST} characters", "value_error.any_str.length")
    if password.casefold() == username.casefold():
        raise InvalidInput.field("password", "the password must not be the user name")
    return password


def email_clean(email: str, *, field: str = "email") -> str:
    """The address in lower case. Raises InvalidInput unless it reads as an e-mail address."""
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput.field(field, "value is not a valid email address", "value_error.email") from error
    return email.lower()


def password_register(*, username: str, email: str, password: str, at: dt.datetime | None = None) -> User:
    """A user with a password stands; the e-mail is contact text until it is proven. Raises InvalidInput, UsernameTaken."""
    name = username_clean(username)
    return user_create(
        username=name,
        email=email_clean(email) if email else "",
        password=password_clean(password, username=name),
        via="password",
        at=at,
    )


def password_sign_in(*, username: str, password: str, otp: str | None = None) -> PasswordSignIn:
    """The user of this name (or proven e-mail) and password is signed in; who has a second factor shows `otp`.

    Raises PasswordWrong, SecondFactorWrong, UserBanned, TooManyRequests (30 failures in 15 minutes for a name).
    """
    limits.take("password", username.casefold(), TRIES, TRIES_PERIOD_S)
    user = _by_password(username, password)
    if user is None:
        raise PasswordWrong()
    shown = second_factor_stands(user_id=user.pk)
    if shown and not (otp and second_factor_check(user_id=user.pk, code=otp)):
        raise SecondFactorWrong()
    limits.forget("password", username.casefold())
    found = sign_in_existing(user=user)
    return PasswordSignIn(found.user, shown, found.is_restored)


def _by_password(username: str, password: str) -> User | None:
    """The first of the user of this name and the user of this proven e-mail whose password fits.

    A name that nobody has costs the same time as a wrong password.
    """
    found = [user for user in (user_by_name(username), identity_owner(Identity.Kind.EMAIL, username.lower())) if user is not None]
    usable = [user for user in found if user.has_usable_password()]
    if not usable:
        make_password(password)
    return next((user for user in usable if user.check_password(password)), None)


def password_set(*, user_id: int, password: str, keep: UUID | None = None) -> None:
    """The user has this password and is signed out everywhere, but in the session to `keep`. Raises InvalidInput, UserNotFound."""
    user = User.objects.filter(pk=user_id, erased_at__isnull=True).first()
    if user is None:
        raise UserNotFound()
    user.set_password(password_clean(password, username=user.username))
    user.password_changed_at = clock.now()
    user.save(update_fields=["password", "password_changed_at"])
    session_revoke_all(user_id=user_id, reason="password", keep=keep)
