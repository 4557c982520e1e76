"""The room in Django's admin."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.session import session_open
from config.kernel import clock
from generation.exceptions import SensitiveContent
from generation.models import Attempt, Engine, ModerationHit, Task
from generation.selectors.engine_stats import engine_stats
from tests.generation.life.conftest import balance, make_task, make_user, run_next

pytestmark = pytest.mark.django_db
SECRET = "kie-secret-0123456789"


def sign_in(client: Client, user: User) -> None:
    """The browser is signed in with a session row of ours, second factor passed."""
    tokens = session_open(user=user, form="page", access_life_s=0, refresh_life_s=3600, second_factor=True)
    client.force_login(user)
    session = client.session
    session["session_id"] = str(tokens.session_id)
    session.save()


@pytest.fixture
def operator(client: Client, settings: Any) -> Client:
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    user = User.objects.create_superuser("operator-of-life", "x", created_at=clock.now())
    sign_in(client, user)
    return client


def form_of(engine: Engine, **changes: Any) -> dict[str, Any]:
    """What the change page posts."""
    return {
        "name": engine.name,
        "adapter": engine.adapter,
        "api_base": engine.api_base,
        "api_key": "",
        "is_enabled": "on",
        "concurrency": engine.concurrency,
        "broken_until_0": "",
        "broken_until_1": "",
        "routes-TOTAL_FORMS": 0,
        "routes-INITIAL_FORMS": 0,
        **changes,
    }


@pytest.fixture
def kie(adapters: None) -> Engine:
    return Engine.objects.create(name="kie", adapter="kie", api_base="https://api.kie.ai", api_key=SECRET)


def change(operator: Client, engine: Engine, **changes: Any) -> Any:
    return operator.post(f"/admin/generation/engine/{engine.pk}/change/", form_of(engine, **changes))


def test_a_key_is_never_shown(operator: Client, kie: Engine) -> None:
    for path in (f"/admin/generation/engine/{kie.pk}/change/", "/admin/generation/engine/", f"/admin/generation/engine/{kie.pk}/history/"):
        answer = operator.get(path)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()


def test_the_list_of_engines_is_measured_with_one_statement(operator: Client, kie: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Mock(side_effect=engine_stats)
    monkeypatch.setattr("generation.admin.engine.engine_stats", measure)
    Engine.objects.create(name="quiet", adapter="kie", api_base="https://api.kie.ai")
    task, ended_at = make_task(make_user()), clock.real_now()
    Attempt.objects.create(
        task=task, number=1, engine=kie, state="succeeded", sent_at=ended_at - dt.timedelta(seconds=7), ended_at=ended_at
    )
    page = operator.get("/admin/generation/engine/").content.decode()
    measure.assert_called_once_with()
    shown = {name: re.findall(rf'field-{name}">([^<]*)<', page) for name in ("success_rate", "median_s", "p95_s")}
    assert set(shown["success_rate"]) == {"100% / 1", "–"}
    assert set(shown["median_s"]) == set(shown["p95_s"]) == {f"{task.alias} 7.0", "–"}


def test_an_empty_key_keeps_the_stored_one(operator: Client, kie: Engine) -> None:
    assert change(operator, kie, concurrency=9).status_code == 302
    kie.refresh_from_db()
    assert (kie.concurrency, kie.api_key) == (9, SECRET)


@pytest.mark.parametrize("changes", [{"api_base": "https://other.example.com"}, {"adapter": "builtin"}])
def test_another_address_or_adapter_needs_a_new_key(operator: Client, kie: Engine, changes: dict[str, str]) -> None:
    assert change(operator, kie, **changes).status_code == 200
    kie.refresh_from_db()
    assert (kie.api_base, kie.adapter, kie.api_key) == ("https://api.kie.ai", "kie", SECRET)
    assert change(operator, kie, api_key="another", **changes).status_code == 302
    kie.refresh_from_db()
    assert kie.api_key == "another"


def test_a_private_address_is_refused(operator: Client, kie: Engine, settings: Any) -> None:
    assert change(operator, kie, api_base="http://10.0.0.7", api_key="new").status_code == 200
    kie.refresh_from_db()
    assert kie.api_base == "https://api.kie.ai"
    settings.ENGINE_ALLOWED_HOSTS = ["10.0.0.7"]
    assert change(operator, kie, api_base="http://10.0.0.7", api_key="new").status_code == 302


def test_tasks_are_looked_at_with_their_attempts_and_never_edited(operator: Client, stub: Engine) -> None:
    make_task(make_user(), "a heron at dawn")
    task = run_next()
    assert task is not None
    page = operator.get(f"/admin/generation/task/{task.pk}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert stub.name in text
    assert task.callback_token not in text
    assert operator.get("/admin/generation/task/").status_code == 200
    assert operator.post(f"/admin/generation/task/{task.pk}/change/", {"status": "FAILED"}).status_code == 403
    assert operator.post(f"/admin/generation/task/{task.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get("/admin/generation/task/add/").status_code == 403
    assert (Task.objects.get().status, Attempt.objects.count()) == ("SUCCEEDED", 1)


def test_the_cancel_action_goes_through_the_service(operator: Client, stub: Engine) -> None:
    user = make_user()
    done = make_task(user)
    run_next()
    waiting = make_task(user)
    answer = operator.post("/admin/generation/task/", {"action": "cancel", "_selected_action": [done.pk, waiting.pk]}, follow=True)
    assert answer.status_code == 200
    waiting.refresh_from_db()
    done.refresh_from_db()
    assert (waiting.status, done.status, balance(user)) == ("CANCELLED", "SUCCEEDED", 980)


def test_who_may_only_look_cancels_nothing(client: Client, stub: Engine, settings: Any) -> None:
    from django.contrib.auth.models import Permission

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    looker = User.objects.create_user("looker", "x", is_staff=True, created_at=clock.now())
    looker.user_permissions.add(Permission.objects.get(codename="view_task"))
    sign_in(client, looker)
    user = make_user()
    task = make_task(user)
    client.post("/admin/generation/task/", {"action": "cancel", "_selected_action": [task.pk]}, follow=True)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("PENDING", 980)


def test_files_are_looked_at(operator: Client, stub: Engine) -> None:
    make_task(make_user())
    run_next()
    assert operator.get("/admin/generation/asset/").status_code == 200
    assert operator.get("/admin/generation/route/").status_code == 200


def test_operators_look_at_what_moderation_stopped_and_change_nothing(operator: Client, stub: Engine, settings: Any) -> None:
    settings.SENSITIVE_WORDS = ["heron"]
    often, once = make_user(), make_user()
    for user, prompt in ((often, "a heron <b>at dawn</b>"), (often, "a heron again"), (once, "csam")):
        with pytest.raises(SensitiveContent):
            make_task(user, prompt)
    page = operator.get("/admin/generation/moderationhit/")
    assert page.status_code == 200
    rows = {hit.excerpt: hit.hits for hit in page.context["cl"].result_list}
    assert rows == {"csam": 1, "a heron again": 2, "a heron <b>at dawn</b>": 2}
    assert "<b>at dawn" not in page.content.decode()
    for query, count in ((f"?q={often.username}", 2), ("?q=heron", 2), ("?verdict__exact=refused&kind__exact=text-to-video", 3)):
        assert operator.get(f"/admin/generation/moderationhit/{query}").context["cl"].result_count == count
    hit = ModerationHit.objects.earliest("pk")
    assert operator.get(f"/admin/generation/moderationhit/{hit.pk}/change/").status_code == 200
    assert operator.post(f"/admin/generation/moderationhit/{hit.pk}/change/", {"verdict": "unjudged"}).status_code == 403
    assert operator.post(f"/admin/generation/moderationhit/{hit.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get("/admin/generation/moderationhit/add/").status_code == 403
    assert ModerationHit.objects.filter(verdict="refused").count() == 3


def test_the_list_of_hits_costs_the_same_with_one_and_with_fifty(
    operator: Client, stub: Engine, django_assert_max_num_queries: Any
) -> None:
    user = make_user()
    row = {"user": user, "verdict": "refused", "moderator": "words", "category": "x", "kind": "text2img", "field": "prompt", "excerpt": "x"}
    ModerationHit.objects.bulk_create(ModerationHit(created_at=clock.now(), **row) for _ in range(120))
    with django_assert_max_num_queries(12):
        page = operator.get("/admin/generation/moderationhit/")
    assert len(page.context["cl"].result_list) == 50
