"""People who use the contract: a user with a session and a personal key, made by the real services."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import User
from accounts.services.api_key import api_key_create
from accounts.services.session import session_open
from tests.conftest import UserFactory, give_bonus
from tests.contracts.video.client import VideoClient

DAY_S = 86_400
SCOPES = ["generation", "tasks"]
_names = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """A user, what proves them, and a client that sends both."""

    user: User
    token: str
    key: str
    webhook_secret: str

    @property
    def client(self) -> VideoClient:
        return VideoClient(self.token, self.key)

    def give(self, *, bonus: int) -> None:
        """More bonus credits."""
        give_bonus(self.user.pk, bonus)


@pytest.fixture
def person(user_factory: UserFactory) -> Callable[..., Person]:
    """Makes people with exactly these credits."""

    def make(**fields: Any) -> Person:
        user = user_factory(f"person-{next(_names)}", **{"bonus": 0, **fields})
        tokens = session_open(user=user, form="body", access_life_s=7 * DAY_S, refresh_life_s=30 * DAY_S)
        made = api_key_create(user_id=user.pk, name="test", scopes=SCOPES)
        return Person(user, tokens.access_token, made.key, made.webhook_secret)

    return make
