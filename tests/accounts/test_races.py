"""Races, in a database in which transactions really commit: with the guard, and with the guard off."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest

from accounts.exceptions import CodeWrong
from accounts.models import Event, Identity, Outbox, Session, SmsCode, User
from accounts.services import sms
from accounts.services.authentication import principal_of
from accounts.services.event import event_append
from accounts.services.idempotency import Replay, idempotency_claim, idempotency_store
from accounts.services.outbox import outbox_run
from accounts.services.session import session_refresh_body
from accounts.services.sign_in import sign_in_by_identity
from config import reactions
from config.kernel.errors import DomainError, NotSignedIn, TooManyRequests
from tests.accounts.conftest import Person, in_parallel, opened

pytestmark = pytest.mark.usefixtures("committed_db")
PHONE = "+8613800138000"


def fine(outcomes: list[Any]) -> list[Any]:
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


def test_parallel_reuse_gives_tokens_once_and_revokes(person: Person) -> None:
    tokens = opened(person())
    outcomes = in_parallel(8, lambda _: session_refresh_body(tokens.refresh_token))
    winners = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert len(winners) == 1
    assert all(isinstance(outcome, NotSignedIn) for outcome in outcomes if outcome not in winners)
    assert Session.objects.get(pk=tokens.session_id).revoked_reason == "refresh_reused"
    with pytest.raises(NotSignedIn):
        principal_of(access_token=winners[0].access_token, api_key=None)


def test_race_without_the_guard_hands_out_several(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The double forgets the old digest in the WHERE: the same race then gives tokens more than once."""
    tokens = opened(person())
    real_filter, all_have_looked = Session.objects.filter, threading.Barrier(4)

    def careless(**conditions: Any) -> Any:
        if conditions.pop("refresh_digest", None):
            all_have_looked.wait(30)
        return real_filter(**conditions)

    monkeypatch.setattr(Session.objects, "filter", careless)
    outcomes = in_parallel(4, lambda _: session_refresh_body(tokens.refresh_token))
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 4


def test_five_messages_an_hour_exactly_under_twenty_parallel_sends() -> None:
    outcomes = in_parallel(20, lambda _: sms.sms_send(phone=PHONE, address="127.0.0.1"))
    assert sorted(sent.remaining_requests for sent in fine(outcomes)) == [0, 1, 2, 3, 4]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(outcome, TooManyRequests) and 3500 < outcome.params["retry_after_s"] <= 3600 for outcome in refused)
    assert len(refused) == 15
    assert SmsCode.objects.count() == 5


def test_sends_without_the_lock_pass_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    real, all_have_counted = sms._remaining, threading.Barrier(8)
    monkeypatch.setattr(sms, "name_lock", lambda *_: None)

    def together(number: str, at: dt.datetime) -> int:
        found = real(number, at)
        all_have_counted.wait(30)
        return found

    monkeypatch.setattr(sms, "_remaining", together)
    assert len(fine(in_parallel(8, lambda _: sms.sms_send(phone=PHONE, address="127.0.0.1")))) == 8


def sent_code(monkeypatch: pytest.MonkeyPatch, code: int = 123456) -> None:
    monkeypatch.setattr(sms.secrets, "randbelow", lambda _: code)
    sms.sms_send(phone=PHONE, address=None)


def test_five_wrong_tries_exactly_under_parallel_guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent_code(monkeypatch)
    outcomes = in_parallel(20, lambda number: sms.sms_verify(phone=PHONE, code=f"{number:06d}"))
    assert all(isinstance(outcome, CodeWrong) for outcome in outcomes)
    assert SmsCode.objects.get().wrong_tries == 5
    with pytest.raises(CodeWrong):
        sms.sms_verify(phone=PHONE, code="123456")


def test_guessing_without_the_lock_gets_more_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    sent_code(monkeypatch)
    monkeypatch.setattr(sms, "name_lock", lambda *_: None)
    compare, tries, all_have_tries_left = sms.hmac.compare_digest, [], threading.Barrier(8)

    def together(*args: Any) -> bool:
        tries.append(1)
        all_have_tries_left.wait(30)
        return compare(*args)

    monkeypatch.setattr(sms.hmac, "compare_digest", together)
    in_parallel(8, lambda number: sms.sms_verify(phone=PHONE, code=f"{number:06d}"))
    assert len(tries) == 8


def test_a_right_code_counts_once_under_parallel_use(monkeypatch: pytest.MonkeyPatch) -> None:
    sent_code(monkeypatch)
    outcomes = in_parallel(8, lambda _: sms.sms_verify(phone=PHONE, code="123456"))
    assert len(fine(outcomes)) == 1


def test_parallel_first_sign_ins_make_one_user() -> None:
    outcomes = in_parallel(8, lambda _: sign_in_by_identity(kind="phone", subject=PHONE, wish="newcomer"))
    assert len({found.user.pk for found in outcomes}) == 1
    assert sum(found.is_new for found in outcomes) == 1
    assert User.objects.count() == Identity.objects.count() == 1


def test_parallel_wishes_for_one_name_make_different_names() -> None:
    outcomes = in_parallel(6, lambda number: sign_in_by_identity(kind="phone", subject=f"+861380013800{number}", wish="same"))
    names = [found.user.username for found in outcomes]
    assert len(set(names)) == 6
    assert names.count("same") == 1


def test_event_numbers_have_no_gap_and_no_double(person: Person) -> None:
    user = person()
    before = Event.objects.filter(user=user).count()
    in_parallel(12, lambda number: event_append(user_id=user.pk, kind="task.started", payload={"n": number}))
    numbers = list(Event.objects.filter(user=user).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, before + 13))


def test_one_of_many_first_requests_claims_the_key(person: Person) -> None:
    user = person()
    outcomes = in_parallel(10, lambda _: idempotency_claim(user_id=user.pk, key="k", input_hash=b"h" * 32))
    assert outcomes.count(None) == 1
    assert {outcome.code for outcome in outcomes if isinstance(outcome, DomainError)} == {"idempotency_running"}
    idempotency_store(user_id=user.pk, key="k", status=200, body=b"{}")
    again = in_parallel(4, lambda _: idempotency_claim(user_id=user.pk, key="k", input_hash=b"h" * 32))
    assert again == [Replay(200, b"{}", "")] * 4


_ran: list[int] = []


def remember(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """A later reaction of the tests."""
    import time

    time.sleep(0.05)
    _ran.append(payload["n"])


def test_parallel_workers_run_each_reaction_once(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    _ran.clear()
    monkeypatch.setitem(reactions.LATER, "task.started", (f"{__name__}.remember",))
    user = person()
    for number in range(10):
        event_append(user_id=user.pk, kind="task.started", payload={"n": number})
    assert sum(in_parallel(4, lambda _: outbox_run(limit=100))) == 10
    assert sorted(_ran) == list(range(10))
    assert Outbox.objects.filter(done_at__isnull=False, tries=1).count() == 10
