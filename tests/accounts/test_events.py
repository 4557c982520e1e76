"""The event log, its guard, its outbox, and the table of reactions."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings as django_settings
from django.db import Error, connection, transaction
from django.utils.module_loading import import_string

from accounts.models import Event, Outbox
from accounts.selectors.event import events_after, last_number
from accounts.services.event import event_append, later_of
from accounts.services.outbox import BACKOFF_S, outbox_run
from config import reactions
from config.kernel import clock as kernel_clock
from config.kernel.redis import client
from config.kernel.sql import fetch_one
from tests.accounts.conftest import Person

ROOT = Path(django_settings.BASE_DIR)
KIND = r"['\"]((?:user|apikey|task|webhook|order|payment|work|coupon|membership)\.[a-z_]+)['\"]"
DOTTED_PATHS = re.compile(r"^(?:task|order|user|work|coupon)\.(?:html|py|id|pk)$")


def used_kinds() -> set[str]:
    """Every event kind that Python or SQL source writes next to an append of an event."""
    found: set[str] = set()
    for app in ("accounts", "credits", "generation", "payments", "social", "operations"):
        for path in [*(ROOT / app).rglob("*.py"), *(ROOT / app).rglob("*.sql")]:
            text = path.read_text()
            if "event_append" in text or "event_announce" in text or "later_of" in text:
                found |= {kind for kind in re.findall(KIND, text) if not DOTTED_PATHS.match(kind)}
    return found


def test_every_kind_used_has_its_entries() -> None:
    used = used_kinds()
    assert {"user.created", "apikey.created", "webhook.disabled", "task.created"} <= used
    assert used <= set(reactions.NOW)
    assert set(reactions.NOW) == set(reactions.LATER)


def test_every_reaction_exists() -> None:
    names = {name for table in (reactions.NOW, reactions.LATER) for entry in table.values() for name in entry}
    for name in names | set(reactions.DELETION_BLOCKERS):
        assert callable(import_string(name)), name


calls: list[tuple[int, int, dict[str, Any]]] = []


def note(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """A reaction of the tests."""
    calls.append((user_id, number, payload))


def fail(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """A reaction of the tests that writes and fails."""
    Event.objects.create(user_id=user_id, number=10_000, kind="task.started", created_at=kernel_clock.now())
    raise RuntimeError("no")


@pytest.fixture(autouse=True)
def _fresh_calls() -> None:
    calls.clear()


@pytest.mark.django_db
class TestLog:
    def test_numbers_grow_by_one_per_user(self, person: Person) -> None:
        user, other = person(), person()
        start = last_number(user.pk)
        assert [event_append(user_id=user.pk, kind="task.started", payload={}) for _ in range(3)] == [start + 1, start + 2, start + 3]
        assert event_append(user_id=other.pk, kind="task.started", payload={}) == last_number(other.pk)
        assert [event.number for event in events_after(user.pk, start + 1)] == [start + 2, start + 3]
        assert [event.number for event in events_after(user.pk, 0, limit=2)] == [1, 2]

    def test_undeclared_kind_is_refused(self, person: Person) -> None:
        user = person()
        before = Event.objects.count()
        with pytest.raises(KeyError):
            event_append(user_id=user.pk, kind="task.exploded", payload={})
        assert Event.objects.count() == before

    def test_now_reaction_runs_in_the_transaction(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        user = person()
        monkeypatch.setitem(reactions.NOW, "task.started", (f"{__name__}.note",))
        number = event_append(user_id=user.pk, kind="task.started", payload={"a": 1})
        assert calls == [(user.pk, number, {"a": 1})]

    def test_failing_now_reaction_undoes_the_event(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        user = person()
        before = last_number(user.pk)
        monkeypatch.setitem(reactions.NOW, "task.started", (f"{__name__}.note", f"{__name__}.fail"))
        with pytest.raises(RuntimeError):
            event_append(user_id=user.pk, kind="task.started", payload={})
        assert last_number(user.pk) == before
        assert not Event.objects.filter(kind="task.started").exists()

    def test_is_told_after_commit_only(self, person: Person, django_capture_on_commit_callbacks: Any) -> None:
        user = person()
        listener = client().pubsub()  # type: ignore[no-untyped-call]
        listener.subscribe(f"events:{user.pk}")
        assert listener.get_message(timeout=30)["type"] == "subscribe"
        with django_capture_on_commit_callbacks() as callbacks:
            number = event_append(user_id=user.pk, kind="task.started", payload={"x": "ä"})
        assert listener.get_message(timeout=0.1) is None
        for callback in callbacks:
            callback()
        message = listener.get_message(timeout=30)
        listener.close()
        assert orjson.loads(message["data"]) == {"id": number, "kind": "task.started", "payload": {"x": "ä"}}

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE accounts_event SET payload = '{}'",
            "UPDATE accounts_event SET kind = 'x'",
            "UPDATE accounts_event SET payload = '{\"a\": 2}'",
            "DELETE FROM accounts_event",
            "TRUNCATE accounts_event CASCADE",
            "DO $$ BEGIN PERFORM 1; UPDATE accounts_event SET payload = '{}'; END $$",
        ],
    )
    def test_database_refuses_to_change_it(self, person: Person, statement: str) -> None:
        user = person()
        event_append(user_id=user.pk, kind="task.started", payload={"a": 1})
        before = list(Event.objects.order_by("id").values())
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with pytest.raises(Error, match="append-only"), transaction.atomic():
                cursor.execute(statement)
        assert list(Event.objects.order_by("id").values()) == before

    def test_erasing_empties_payloads_and_nothing_else(self, person: Person) -> None:
        user, other = person(), person()
        event_append(user_id=user.pk, kind="task.started", payload={"secret": "x"})
        event_append(user_id=other.pk, kind="task.started", payload={"kept": "y"})
        facts = list(Event.objects.filter(user=user).order_by("id").values_list("number", "kind", "created_at"))
        erased = fetch_one("SELECT accounts_event_erase(%s::bigint) AS count", (user.pk,)).count
        assert erased == 2
        assert set(map(str, Event.objects.filter(user=user).values_list("payload", flat=True))) == {"{}"}
        assert list(Event.objects.filter(user=user).order_by("id").values_list("number", "kind", "created_at")) == facts
        assert Event.objects.get(user=other, kind="task.started").payload == {"kept": "y"}

    def test_reading_starts_from_the_owner(self, person: Person) -> None:
        user, other = person(), person()
        event_append(user_id=other.pk, kind="task.started", payload={})
        assert {event.user_id for event in events_after(user.pk, 0)} == {user.pk}


@pytest.mark.django_db
class TestOutbox:
    @pytest.fixture
    def row(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> Outbox:
        monkeypatch.setitem(reactions.LATER, "task.started", (f"{__name__}.note",))
        assert later_of("task.started") == [f"{__name__}.note"]
        event_append(user_id=person().pk, kind="task.started", payload={"a": 1})
        return Outbox.objects.get()

    def test_runs_once(self, row: Outbox) -> None:
        assert calls == []
        assert outbox_run() == 1
        assert outbox_run() == 0
        assert calls == [(row.event.user_id, row.event.number, {"a": 1})]
        row.refresh_from_db()
        assert (row.tries, row.failed_at) == (1, None)
        assert row.done_at is not None

    def test_failure_is_put_off_its_writes_undone(self, row: Outbox) -> None:
        Outbox.objects.update(reaction=f"{__name__}.fail")
        at = kernel_clock.now()
        assert outbox_run(at=at) == 1
        assert outbox_run(at=at) == 0
        row.refresh_from_db()
        assert row.tries == 1
        assert row.next_try_at == at + dt.timedelta(seconds=BACKOFF_S[0])
        assert row.error == "RuntimeError: no"
        assert not Event.objects.filter(number=10_000).exists()

    def test_is_given_up_in_the_end(self, row: Outbox) -> None:
        Outbox.objects.update(reaction="no.such.function")
        at = kernel_clock.now()
        for _ in range(len(BACKOFF_S) + 1):
            at += dt.timedelta(days=1)
            assert outbox_run(at=at) == 1
        row.refresh_from_db()
        assert row.failed_at == at
        assert row.done_at is None
        assert outbox_run(at=at + dt.timedelta(days=9)) == 0

    def test_a_failing_one_does_not_hold_up_the_others(self, row: Outbox) -> None:
        Outbox.objects.update(reaction=f"{__name__}.fail")
        event_append(user_id=row.event.user_id, kind="task.started", payload={"b": 2})
        assert outbox_run() == 2
        assert [payload for _, _, payload in calls] == [{"b": 2}]
