"""What is left of an erased user's tasks: that they were, and what they cost; nothing that they wrote."""

from __future__ import annotations

import pytest

from generation.models import Task
from generation.services.erasure import user_erased
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
