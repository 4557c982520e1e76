"""Sessions: one form from birth, rotation, reuse, revocation."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.exceptions import UserBanned
from accounts.models import Session
from accounts.services.authentication import page_principal, principal_of
from accounts.services.session import (
    session_list,
    session_refresh_body,
    session_refresh_header,
    session_revoke,
    session_revoke_all,
    session_sweep,
)
from accounts.services.user import user_ban
from config.kernel.errors import NotSignedIn, TokenExpired
from tests.accounts.conftest import Person, opened

pytestmark = pytest.mark.django_db


def proven(token: str) -> int:
    return principal_of(access_token=token, api_key=None).user_id


def test_rotates_and_keeps_its_lives(person: Person) -> None:
    user = person()
    first = opened(user)
    second = session_refresh_body(first.refresh_token)
    assert second.session_id == first.session_id
    assert second.expires_in == 3600
    assert second.refresh_token != first.refresh_token
    assert proven(first.access_token) == proven(second.access_token) == user.pk
    assert session_refresh_body(second.refresh_token).expires_in == 3600


def test_reused_refresh_token_revokes_the_whole_session(person: Person) -> None:
    user = person()
    first = opened(user)
    other = opened(user)
    second = session_refresh_body(first.refresh_token)
    with pytest.raises(NotSignedIn):
        session_refresh_body(first.refresh_token)
    for token in (first.access_token, second.access_token):
        with pytest.raises(NotSignedIn):
            proven(token)
    with pytest.raises(NotSignedIn):
        session_refresh_body(second.refresh_token)
    assert Session.objects.get(pk=first.session_id).revoked_reason == "refresh_reused"
    assert proven(other.access_token) == user.pk


def test_header_form_keeps_its_refresh_token(person: Person) -> None:
    user = person()
    tokens = opened(user, form="header")
    for _ in range(2):
        fresh = session_refresh_header(tokens.refresh_token)
        assert fresh.refresh_token == ""
        assert fresh.expires_in == 3600
        assert proven(fresh.access_token) == user.pk


def test_each_form_refuses_the_other_and_stays_unharmed(person: Person) -> None:
    user = person()
    body, header = opened(user), opened(user, form="header")
    with pytest.raises(NotSignedIn):
        session_refresh_header(body.refresh_token)
    with pytest.raises(NotSignedIn):
        session_refresh_body(header.refresh_token)
    assert session_refresh_body(body.refresh_token).session_id == body.session_id
    assert session_refresh_header(header.refresh_token).session_id == header.session_id


def test_access_token_does_not_refresh_and_refresh_token_does_not_prove(person: Person) -> None:
    tokens = opened(person())
    with pytest.raises(NotSignedIn):
        session_refresh_body(tokens.access_token)
    with pytest.raises(NotSignedIn):
        proven(tokens.refresh_token)


def test_refresh_after_its_life_is_expired(person: Person) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    tokens = opened(person(), at=at)
    with pytest.raises(TokenExpired):
        session_refresh_body(tokens.refresh_token)


def test_logout_refuses_from_the_next_request_on(person: Person) -> None:
    user = person()
    tokens = opened(user)
    assert session_revoke(user_id=user.pk, session_id=tokens.session_id)
    with pytest.raises(NotSignedIn):
        proven(tokens.access_token)
    with pytest.raises(NotSignedIn):
        session_refresh_body(tokens.refresh_token)
    assert not session_revoke(user_id=user.pk, session_id=tokens.session_id)


def test_nobody_revokes_anothers_session(person: Person) -> None:
    user, stranger = person(), person()
    tokens = opened(user)
    assert not session_revoke(user_id=stranger.pk, session_id=tokens.session_id)
    assert proven(tokens.access_token) == user.pk


def test_everywhere_means_everywhere_but_the_one_kept(person: Person) -> None:
    user, stranger = person(), person()
    kept, body, header = opened(user), opened(user), opened(user, form="header")
    foreign = opened(stranger)
    assert session_revoke_all(user_id=user.pk, keep=kept.session_id) == 2
    assert [session.pk for session in session_list(user_id=user.pk)] == [kept.session_id]
    for token in (body.access_token, header.access_token):
        with pytest.raises(NotSignedIn):
            proven(token)
    assert proven(foreign.access_token) == stranger.pk


def test_banned_user_gets_no_session_and_no_refresh(person: Person) -> None:
    user = person()
    tokens = opened(user)
    user_ban(user_id=user.pk, banned=True)
    user.refresh_from_db()
    with pytest.raises(UserBanned):
        opened(user)
    with pytest.raises(UserBanned):
        session_refresh_body(tokens.refresh_token)
    with pytest.raises(UserBanned):
        proven(tokens.access_token)
    user_ban(user_id=user.pk, banned=False)
    with pytest.raises(NotSignedIn):
        proven(tokens.access_token)
    with pytest.raises(NotSignedIn):
        session_refresh_body(tokens.refresh_token)
    user.refresh_from_db()
    assert proven(opened(user).access_token) == user.pk


def test_a_ban_revokes_every_session_and_is_told_to_each(person: Person) -> None:
    user, stranger = person(), person()
    tokens, foreign = [opened(user), opened(user, form="header"), opened(user, form="page")], opened(stranger)
    user_ban(user_id=user.pk, banned=True)
    assert set(Session.objects.filter(user=user).values_list("revoked_reason", flat=True)) == {"banned"}
    assert page_principal(session_id=tokens[2].session_id, user_id=user.pk) is None
    for each in tokens:
        with pytest.raises(UserBanned):
            proven(each.access_token)
    with pytest.raises(UserBanned):
        session_refresh_header(tokens[1].refresh_token)
    assert proven(foreign.access_token) == stranger.pk


def test_refresh_token_is_stored_as_a_digest_only(person: Person) -> None:
    tokens = opened(person())
    row = Session.objects.filter(pk=tokens.session_id).values().get()
    assert tokens.refresh_token not in str(row)
    assert len(bytes(row["refresh_digest"] or b"")) == 32


def test_sweep_forgets_sessions_that_ended_long_ago(person: Person) -> None:
    user = person()
    old = opened(user, at=dt.datetime.now(dt.UTC) - dt.timedelta(days=40))
    young = opened(user)
    assert session_sweep() == 1
    assert list(Session.objects.values_list("pk", flat=True)) == [young.session_id]
    assert old.session_id != young.session_id
