"""The worker's doors: each may run twice."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest

from config.kernel import clock as kernel_clock
from credits import tasks
from credits.models import Digest, Wallet
from credits.services.wallet import transfer
from tests.credits.conftest import Person, execute, triggers_off

pytestmark = pytest.mark.django_db


def test_all_due_coins_mature(person: Person, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    payer, creators = person(paid=30), [person() for _ in range(3)]
    for creator in creators:
        transfer(from_user_id=payer, to_user_id=creator, key=f"t{creator}", kind="tip", ref="w", amount=10, at=kernel_clock.now())
    batch = tasks.wallet.mature
    monkeypatch.setattr(tasks.wallet, "mature", lambda *, at: batch(at=at, batch=1))
    tasks.coins_mature()
    assert set(Wallet.objects.filter(pk__in=creators).values_list("coins", flat=True)) == {0}
    clock.advance(days=8)
    for _ in range(2):
        tasks.coins_mature()
    assert set(Wallet.objects.filter(pk__in=creators).values_list("coins_pending", "coins")) == {(0, 900)}


def test_the_digest_is_taken_and_told(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    person(paid=5)
    with caplog.at_level(logging.INFO):
        tasks.digest_take()
        tasks.digest_take()
    assert bytes(Digest.objects.get().digest).hex() in caplog.text
    assert Digest.objects.get().day == kernel_clock.day_of(dt.datetime.now(dt.UTC))


@pytest.mark.books_broken
def test_a_difference_in_the_books_is_an_error_in_the_log(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    who = person(paid=5)
    tasks.books_check()
    assert "do not balance" not in caplog.text
    with triggers_off("credits_wallet"):
        execute("UPDATE credits_wallet SET paid = 6 WHERE user_id = %s", (who,))
    tasks.books_check()
    assert f"the books do not balance: caches: wallet {who} paid: expected 5, found 6" in caplog.text
