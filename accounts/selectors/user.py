"""Reads of users, from the viewer's side."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Lower

from accounts.exceptions import UserNotFound
from accounts.models import Identity, User


def user_of(user_id: int) -> User:
    """The user, erased or not. Raises UserNotFound."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise UserNotFound()
    return user


def user_by_uuid(uuid: UUID) -> User:
    """The user with this public id. Raises UserNotFound."""
    user = User.objects.filter(uuid=uuid, erased_at__isnull=True).first()
    if user is None:
        raise UserNotFound()
    return user


def user_by_name(username: str) -> User | None:
    """The user of this name, whatever its case, or None."""
    return User.objects.alias(lowered=Lower("username")).filter(lowered=Lower(Value(username)), erased_at__isnull=True).first()


def shown_contact(user: User, kind: str) -> str:
    """The e-mail or phone to show: the contact text the user set, else the proven one, else ""."""
    text = user.email if kind == Identity.Kind.EMAIL else user.phone
    if text:
        return text
    found = Identity.objects.filter(user=user, kind=kind).order_by("id").values_list("subject", flat=True).first()
    return found or ""


def demo_user(username: str | None) -> User:
    """A user of the demo data by name, the first one without a name; never an operator. Raises UserNotFound."""
    found = User.objects.filter(is_demo=True, is_staff=False, erased_at__isnull=True).order_by("id")
    user = (found.alias(lowered=Lower("username")).filter(lowered=Lower(Value(username))) if username is not None else found).first()
    if user is None:
        raise UserNotFound()
    return user
