"""API keys: shown once, stored as a digest, with a spend limit kept by credits."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection

from accounts.models import ApiKey, Event
from accounts.selectors.api_key import api_keys_of
from accounts.services.api_key import SCOPES, api_key_create, api_key_revoke, webhook_secret_renew
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from tests.accounts.conftest import Person

pytestmark = pytest.mark.django_db


def test_is_shown_once_and_stored_nowhere(person: Person) -> None:
    user = person()
    made = api_key_create(user_id=user.pk, name="mine")
    assert made.key.startswith("ak_")
    assert len(made.key) > 40
    assert len(base64.b64decode(made.webhook_secret.removeprefix("whsec_"))) == 32
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(k)::text from accounts_apikey k")
        (stored,) = cursor.fetchone()
    assert made.key not in stored
    assert made.key[10:] not in stored
    assert made.webhook_secret not in stored
    (shown,) = api_keys_of(user.pk)
    assert (shown.prefix, shown.scopes) == (made.key[:10], sorted(SCOPES))
    assert ApiKey.objects.get().webhook_secret == made.webhook_secret


def test_event_tells_the_budgets_and_no_secret(person: Person) -> None:
    user = person()
    made = api_key_create(user_id=user.pk, name="mine", budget_day_credits=5, budget_total_credits=100)
    event = Event.objects.get(kind="apikey.created")
    assert event.payload == {"api_key_id": made.id, "name": "mine", "budget_day_credits": 5, "budget_total_credits": 100}
    from credits.models import SpendLimit

    limit = SpendLimit.objects.get(api_key_id=made.id)
    assert (limit.day_credits, limit.total_credits) == (5, 100)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 65},
        {"name": "a\nb"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"budget_day_credits": -1},
        {"budget_total_credits": 3_000_000_000},
    ],
)
def test_bad_input_makes_no_key(person: Person, fields: dict[str, Any]) -> None:
    user = person()
    with pytest.raises(InvalidInput):
        api_key_create(**{"user_id": user.pk, "name": "mine", **fields})
    assert not ApiKey.objects.exists()
    assert not Event.objects.filter(kind="apikey.created").exists()


def test_only_operators_have_application_keys(person: Person) -> None:
    with pytest.raises(NotAllowed):
        api_key_create(user_id=person().pk, name="mine", is_application=True)
    made = api_key_create(user_id=person(is_staff=True).pk, name="front end", is_application=True)
    assert ApiKey.objects.get().pk == made.id


def test_number_of_keys_is_bounded(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.api_key.KEYS_MAX", 2)
    user = person()
    made = [api_key_create(user_id=user.pk, name="mine") for _ in range(2)]
    with pytest.raises(InvalidInput):
        api_key_create(user_id=user.pk, name="mine")
    api_key_revoke(user_id=user.pk, api_key_id=made[0].id)
    api_key_create(user_id=user.pk, name="mine")


def test_revoking_is_its_owners_and_happens_once(person: Person) -> None:
    user, stranger = person(), person()
    made = api_key_create(user_id=user.pk, name="mine")
    with pytest.raises(NotFound):
        api_key_revoke(user_id=stranger.pk, api_key_id=made.id)
    assert ApiKey.objects.get().revoked_at is None
    for _ in range(2):
        api_key_revoke(user_id=user.pk, api_key_id=made.id)
    assert Event.objects.filter(kind="apikey.revoked").count() == 1


def test_webhook_secret_is_renewed_by_its_owner_only(person: Person) -> None:
    user, stranger = person(), person()
    made = api_key_create(user_id=user.pk, name="mine")
    with pytest.raises(NotFound):
        webhook_secret_renew(user_id=stranger.pk, api_key_id=made.id)
    fresh = webhook_secret_renew(user_id=user.pk, api_key_id=made.id)
    assert fresh != made.webhook_secret
    assert ApiKey.objects.get().webhook_secret == fresh
