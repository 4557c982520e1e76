"""`Idempotency-Key`: claimed once, replayed, freed by a refusal."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction

from accounts.exceptions import IdempotencyConflict, IdempotencyRunning
from accounts.models import Idempotency
from accounts.services.idempotency import Replay, idempotency_claim, idempotency_release, idempotency_store, idempotency_sweep
from config.kernel import clock as kernel_clock
from tests.accounts.conftest import Person

pytestmark = pytest.mark.django_db
HASH, OTHER = b"h" * 32, b"o" * 32


def claim(user: Any, key: str = "k", input_hash: bytes = HASH) -> Replay | None:
    with transaction.atomic():  # a refusal of the database ends its transaction
        return idempotency_claim(user_id=user.pk, key=key, input_hash=input_hash)


def test_first_claims_the_second_waits_then_gets_the_answer(person: Person) -> None:
    user = person()
    assert claim(user) is None
    with pytest.raises(IdempotencyRunning) as refusal:
        claim(user)
    assert 0 < refusal.value.params["retry_after_s"] <= 60
    idempotency_store(user_id=user.pk, key="k", status=201, body=b'{"a":1}', reference="t")
    assert claim(user) == Replay(201, b'{"a":1}', "t")


def test_other_input_is_a_conflict_running_or_done(person: Person) -> None:
    user = person()
    claim(user)
    with pytest.raises(IdempotencyConflict):
        claim(user, input_hash=OTHER)
    idempotency_store(user_id=user.pk, key="k", status=200, body=b"")
    with pytest.raises(IdempotencyConflict):
        claim(user, input_hash=OTHER)
    assert claim(user) == Replay(200, b"", "")


def test_refusal_frees_the_key_for_any_input(person: Person) -> None:
    user = person()
    claim(user)
    idempotency_release(user_id=user.pk, key="k")
    assert claim(user, input_hash=OTHER) is None


def test_kept_answer_is_neither_freed_nor_replaced(person: Person) -> None:
    user = person()
    claim(user)
    idempotency_store(user_id=user.pk, key="k", status=200, body=b"first")
    idempotency_release(user_id=user.pk, key="k")
    idempotency_store(user_id=user.pk, key="k", status=200, body=b"second")
    assert claim(user) == Replay(200, b"first", "")


def test_keys_belong_to_their_user(person: Person) -> None:
    user, other = person(), person()
    assert claim(user) is None
    assert claim(other, input_hash=OTHER) is None


def test_claim_of_a_dead_request_is_taken_over(person: Person) -> None:
    user = person()
    claim(user)
    Idempotency.objects.update(locked_until=kernel_clock.real_now() - dt.timedelta(seconds=1))
    assert claim(user) is None
    with pytest.raises(IdempotencyRunning):
        claim(user)


def test_sweep_keeps_two_days(person: Person) -> None:
    user = person()
    for key, hours in (("old", 49), ("young", 47)):
        claim(user, key)
        Idempotency.objects.filter(key=key).update(created_at=kernel_clock.real_now() - dt.timedelta(hours=hours))
    assert idempotency_sweep() == 1
    assert list(Idempotency.objects.values_list("key", flat=True)) == ["young"]
