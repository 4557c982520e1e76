"""The harness itself: what other tests stand on must hold."""

from __future__ import annotations

import socket
import threading

import pytest
from django.db import connection, transaction

from accounts.models import User
from credits.selectors.wallet import balance_of
from tests.conftest import ApiFactory, Clock, UserFactory
from tests.harness import CopiedDatabase, SocketRefused


def test_refuses_to_leave_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(SocketRefused):
        outside.connect(("192.0.2.1", 80))


def test_a_copied_database_is_shared_by_threads_and_really_commits(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    user = user_factory()
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        seen.append((connection.settings_dict["NAME"], User.objects.filter(pk=user.pk).exists()))
        connection.close()

    with transaction.atomic():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [(committed_db.name, True)]


def test_a_copied_database_begins_empty(committed_db: CopiedDatabase) -> None:
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("paid", "bonus", "expected"), [(0, None, (0, 100)), (600, None, (600, 100)), (600, 0, (600, 0)), (0, 7, (0, 7))])
def test_users_have_exactly_the_credits_asked_for(
    user_factory: UserFactory, paid: int, bonus: int | None, expected: tuple[int, int]
) -> None:
    balance = balance_of(user_factory(paid=paid, bonus=bonus).pk)
    assert (balance.paid, balance.bonus) == expected


@pytest.mark.django_db
def test_clients_sign_in_with_token_and_key(api: ApiFactory, user_factory: UserFactory) -> None:
    user = user_factory("somebody")
    assert api().get("/api/auth/me").status == 401
    assert api(user).get("/api/auth/me").body["username"] == "somebody"
    assert api(user, key=True).key


def test_business_time_moves_and_comes_back(clock: Clock) -> None:
    before = clock.now()
    clock.advance(days=2)
    assert (clock.now() - before).days == 2
