"""Who is asking: tokens, keys, and both together, in one statement."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.exceptions import UserBanned
from accounts.models import ApiKey, User
from accounts.services.api_key import api_key_create, api_key_revoke
from accounts.services.authentication import principal_of
from accounts.services.user import user_ban, user_delete_request
from config.kernel.errors import NotAllowed, NotSignedIn
from tests.accounts.conftest import Person, opened

pytestmark = pytest.mark.django_db


def personal(user: User, **fields: Any) -> str:
    return api_key_create(user_id=user.pk, name="mine", **fields).key


def application(operator: User) -> str:
    return api_key_create(user_id=operator.pk, name="front end", is_application=True).key


def test_nothing_proves_nobody() -> None:
    with pytest.raises(NotSignedIn):
        principal_of(access_token=None, api_key=None)


def test_token_alone(person: Person) -> None:
    user = person(is_staff=True)
    principal = principal_of(access_token=opened(user, second_factor=True).access_token, api_key=None)
    assert (principal.user_id, principal.user_uuid) == (user.pk, user.uuid)
    assert principal.is_operator
    assert principal.second_factor
    assert principal.scopes is None
    assert principal.api_key_id is None


def test_application_key_goes_with_any_users_token(person: Person) -> None:
    user, operator = person(), person(is_staff=True)
    key = application(operator)
    principal = principal_of(access_token=opened(user).access_token, api_key=key)
    assert principal.user_id == user.pk
    assert principal.api_key_id == ApiKey.objects.get().pk
    assert not principal.is_operator
    assert not principal.by_key_alone


def test_personal_key_goes_with_its_owners_token_only(person: Person) -> None:
    user, stranger = person(), person()
    key = personal(user)
    assert principal_of(access_token=opened(user).access_token, api_key=key).api_key_id is not None
    with pytest.raises(NotAllowed):
        principal_of(access_token=opened(stranger).access_token, api_key=key)


def test_personal_key_as_bearer_acts_as_its_owner_within_its_scopes(person: Person) -> None:
    operator = person(is_staff=True)
    principal = principal_of(access_token=personal(operator, scopes=["tasks"]), api_key=None)
    assert principal.user_id == operator.pk
    assert principal.scopes == frozenset({"tasks"})
    assert principal.session_id is None
    assert not principal.is_operator
    assert not principal.second_factor


def test_application_key_as_bearer_names_nobody(person: Person) -> None:
    with pytest.raises(NotSignedIn):
        principal_of(access_token=application(person(is_staff=True)), api_key=None)


def test_application_key_that_begins_like_a_personal_one_names_nobody(person: Person) -> None:
    key = personal(person())
    ApiKey.objects.update(is_application=True)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=key, api_key=None)


def test_key_alone_is_marked_so(person: Person) -> None:
    operator = person(is_staff=True)
    principal = principal_of(access_token=None, api_key=application(operator))
    assert principal.by_key_alone
    assert not principal.is_operator


@pytest.mark.parametrize("token", [True, False])
def test_unknown_and_revoked_keys_are_refused(person: Person, token: bool) -> None:
    user = person()
    key = personal(user)
    access = opened(user).access_token if token else None
    with pytest.raises(NotSignedIn):
        principal_of(access_token=access, api_key=key + "x")
    api_key_revoke(user_id=user.pk, api_key_id=ApiKey.objects.get().pk)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=access, api_key=key)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=key, api_key=None)


def test_keys_of_banned_and_leaving_owners_are_refused(person: Person) -> None:
    user, operator = person(), person(is_staff=True)
    access, key, own = opened(user).access_token, application(operator), personal(user)
    user_ban(user_id=operator.pk, banned=True)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=access, api_key=key)
    with pytest.raises(UserBanned):
        principal_of(access_token=None, api_key=key)
    user_delete_request(user_id=user.pk)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=own, api_key=None)
    with pytest.raises(NotSignedIn):
        principal_of(access_token=access, api_key=None)


def test_token_of_a_session_of_another_user_is_refused(person: Person) -> None:
    from accounts.services.token import token_issue

    user, stranger = person(), person()
    session = opened(user).session_id
    token = token_issue(kind="access", user_id=stranger.pk, session_id=session, life_s=60, at=dt.datetime.now(dt.UTC))
    with pytest.raises(NotSignedIn):
        principal_of(access_token=token, api_key=None)


def test_is_one_statement_and_notes_the_use_at_most_once_a_minute(person: Person) -> None:
    user = person()
    access, key = opened(user).access_token, personal(user)
    at = dt.datetime.now(dt.UTC)
    with CaptureQueriesContext(
        connection,
    ) as first:
        principal_of(access_token=access, api_key=key, at=at)
    with CaptureQueriesContext(connection) as second:
        principal_of(access_token=access, api_key=key, at=at + dt.timedelta(seconds=59))
    assert ApiKey.objects.get().last_used_at == at
    later = at + dt.timedelta(seconds=61)
    principal_of(access_token=access, api_key=key, at=later)
    assert ApiKey.objects.get().last_used_at == later
    assert len(second) < len(first)
    assert not any("UPDATE" in query["sql"] for query in second)
