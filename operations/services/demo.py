"""The demo: people with keys and credits, a showcase, and the file that tells how to sign in as them."""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from accounts.models import ErasedIdentity, User
from accounts.selectors.identity import erased_digests
from accounts.services.api_key import api_key_create
from accounts.services.user import user_create
from config.kernel import clock
from operations.services.demo_showcase import demo_showcase_create
from operations.services.installation import installation_mark
from payments.services.sandbox import sandbox_purchase

logger = logging.getLogger(__name__)

OPERATOR = "operator"
BASE_CENTS = 10
RICH_CREDITS = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the demo before they exist: credits are paid ones; no credits means not even the sign-up gift."""

    username: str
    nickname: str
    phone: str
    credits: int


PEOPLE = (
    Person("demo1", "演示一", "+8613800138001", RICH_CREDITS),
    Person("demo2", "演示二", "+8613800138002", RICH_CREDITS),
    Person("demo3", "演示三", "+8613800138003", 0),
)


@dataclass(frozen=True, slots=True)
class DemoUser:
    """What demo.json tells of one user."""

    username: str
    password: str
    phone: str
    api_key: str
    webhook_secret: str


def demo_file() -> Path:
    """Where demo.json lies."""
    return Path(settings.DATA_DIR) / "demo.json"


def demo_create() -> bool:
    """The demo's people, credits, keys and showcase exist and demo.json tells of them; False when all of that was there.

    Everything runs through the services that real people's actions run through; credits come from paid sandbox
    orders. Raises WrongInstallation on a database that is not a demo's, CommandError outside demo mode.
    """
    if not settings.DEMO:
        raise CommandError("demo data is made in demo mode only (DEMO=1)")
    installation_mark()
    made = _people_create()
    operator = User.objects.get(username=OPERATOR, is_demo=True)
    return demo_showcase_create(owner_id=operator.pk) or made


def _people_create() -> bool:
    """The people exist and demo.json is theirs, with the address of today."""
    known = _read()
    if known is not None and User.objects.filter(username=OPERATOR, is_demo=True).exists():
        if known["base_url"] != settings.PUBLIC_BASE_URL:
            _write({**known, "base_url": settings.PUBLIC_BASE_URL})
        return False
    password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(12)
    with transaction.atomic():
        operator = _user(Person(OPERATOR, "运营", "", 0), password, is_staff=True)
        users = [_person(person, operator, password) for person in PEOPLE]
    for person in PEOPLE:
        _recharge(person)
    _write(
        {
            "base_url": settings.PUBLIC_BASE_URL,
            "operator": {"username": OPERATOR, "password": password},
            "users": [asdict(user) for user in users],
        }
    )
    return True


def _user(person: Person, password: str, *, is_staff: bool = False) -> User:
    """The user exists; one whose demo.json was lost gets the new password."""
    user = User.objects.filter(username=person.username, is_demo=True).first()
    if user is not None:
        user.set_password(password)
        user.save(update_fields=["password"])
        return user
    if person.phone and not person.credits:
        gift_forgo(kind="phone", subject=person.phone)
    return user_create(
        username=person.username,
        nickname=person.nickname,
        phone=person.phone,
        password=password,
        proven=[("phone", person.phone)] if person.phone else [],
        is_staff=is_staff,
        is_demo=True,
        via="demo",
    )


def _person(person: Person, operator: User, password: str) -> DemoUser:
    """The user exists with a new application key of the operator's, as a front end ships with one."""
    _user(person, password)
    made = api_key_create(user_id=operator.pk, name=f"demo {person.username}", is_application=True)
    return DemoUser(person.username, password, person.phone, made.key, made.webhook_secret)


def _recharge(person: Person) -> None:
    """The person has paid for their credits in the sandbox, once for ever."""
    if person.credits:
        user = User.objects.get(username=person.username)
        sandbox_purchase(
            user_id=user.pk, amount_cents=person.credits * BASE_CENTS, idempotency_key=f"demo:{person.username}", at=clock.now()
        )


def gift_forgo(*, kind: str, subject: str) -> None:
    """Whoever proves this identity from now on is taken for somebody who had the sign-up gift before."""
    for digest in erased_digests(kind, subject):
        ErasedIdentity.objects.get_or_create(digest=digest, defaults={"erased_at": clock.real_now()})


def _read() -> dict[str, object] | None:
    """demo.json as it is, or None when it is missing or spoilt."""
    try:
        found = json.loads(demo_file().read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("users") else None


def _write(content: dict[str, object]) -> None:
    """demo.json holds `content`; nobody but its owner ever could read it."""
    path = demo_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(".demo.json.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
    fresh.replace(path)
