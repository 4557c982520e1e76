"""What is left of an erased user's tasks: that they were, and what they cost; nothing that they wrote."""

from __future__ import annotations

import pytest

from config.kernel import clock
from generation.models import Asset, Engine, Task
from generation.services.claim import owner_name, task_claim
from generation.services.erasure import user_erased
from generation.services.run import task_run
from tests.generation.life.conftest import balance, make_task, make_user

pytestmark = pytest.mark.django_db


def test_the_words_of_an_erased_user_leave_their_tasks_and_waiting_ones_are_given_back() -> None:
    user, other = make_user(), make_user()
    before = balance(user)
    task, foreign = make_task(user, "a secret wish"), make_task(other, "mine")
    user_erased(user.pk, 1, {})
    task.refresh_from_db()
    assert (task.status, "prompt" in task.params, balance(user)) == ("CANCELLED", False, before)
    assert Task.objects.get(pk=foreign.pk).params["prompt"] == "mine"


def test_a_task_that_runs_loses_its_words_at_its_end_and_what_it_made_is_swept(stub: Engine) -> None:
    user = make_user()
    task = make_task(user, "a secret wish")
    claimed = task_claim(owner_name())
    assert claimed is not None
    user.erased_at = clock.now()
    user.save(update_fields=["erased_at"])
    user_erased(user.pk, 1, {})
    Task.objects.filter(pk=task.pk).update(cancel_requested_at=None)  # an engine that cannot stop
    task_run(claimed)
    task.refresh_from_db()
    assert (task.status, "prompt" in task.params) == ("SUCCEEDED", False)
    assert list(Asset.objects.filter(task=task, source="output").values_list("used_at", flat=True)) == [None]
