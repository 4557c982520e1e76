"""Lists of `stargraph` cost a bounded number of statements, and reading and writing have their limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from generation.models import Task
from tests.contracts.stargraph.conftest import MakeSomebody, worked
from tests.contracts.stargraph.test_examples import SMALL, ordered

pytestmark = pytest.mark.django_db
MANY = """
INSERT INTO generation_task (uuid, user_id, kind, offer, alias, params, status, progress, cost_credits, estimate_s, is_clean, priority,
  webhook_url, callback_token, lease_owner, faults, error_code, error_message, deadline_at, created_at, updated_at)
SELECT gen_random_uuid(), %s, 'upscale', 'stargraph/upscale', 'RealESRGAN', '{}', 'FAILED', 0, 5, 1, true, 0, '', '', '', 0, 'internal', '',
  now(), now(), now() FROM generate_series(1, %s)
"""


def fastest_s(*works: Callable[[], Any]) -> list[float]:
    """The shortest of ten runs of each; they take turns, so that a busy moment of the machine meets them all."""

    def once(work: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return [min(turns) for turns in zip(*([once(work) for work in works] for _ in range(10)), strict=True)]


@pytest.mark.parametrize(
    ("path", "most"),
    [("tasks", 5), ("users/fund-records", 6), ("users/balance", 3), ("users/profile", 6), ("resources/models", 4)],
)
def test_reads_take_a_bounded_number_of_statements(
    somebody: MakeSomebody, django_assert_max_num_queries: Any, path: str, most: int
) -> None:
    someone = somebody(paid=1000)
    for _ in range(4):
        ordered(someone)
    worked()
    worked()
    with django_assert_max_num_queries(most):
        assert someone.client.get(f"/api/v1/{path}").status_code == 200


def test_the_list_of_tasks_is_counted_exactly_up_to_ten_thousand_and_deep_pages_stay_cheap(somebody: MakeSomebody) -> None:
    someone, other = somebody(), somebody()
    with connection.cursor() as cursor:
        cursor.execute(MANY, [someone.user.pk, 30_000])
        cursor.execute("ANALYZE generation_task")

    def page(number: int) -> Any:
        return someone.client.get(f"/api/v1/tasks?page={number}").data["data"]

    assert (page(1)["totalElements"], page(1000)["totalElements"], len(page(1500)["content"]), page(1501)["content"]) == (
        10_000,
        20_000,
        20,
        [],
    )
    numbers = [int(row["id"].rpartition("_")[2]) for number in (499, 500, 501) for row in page(number)["content"]]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == 60
    first, deep = fastest_s(lambda: page(1), lambda: page(1000))
    assert deep < 6 * first + 0.05
    assert other.client.get("/api/v1/tasks").data["data"]["totalElements"] == 0
    assert Task.objects.filter(user=someone.user).count() == 30_000


def test_reads_and_writes_are_limited(somebody: MakeSomebody, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = somebody(paid=100)
    settings.RATE_LIMITS = True
    monkeypatch.setattr("config.contracts.stargraph.views.READS_A_MINUTE", 3)
    monkeypatch.setattr("config.contracts.stargraph.views.WRITES_A_MINUTE", 2)
    answers = [someone.client.get("/api/v1/users/balance") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (answers[0]["X-RateLimit-Limit"], answers[0]["X-RateLimit-Remaining"]) == ("3", "2")
    assert (answers[-1].data["code"], answers[-1].data["message"]) == (429, "请求过于频繁")
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    written = [someone.client.post("/api/v1/generate/text2img", SMALL).status_code for _ in range(3)]
    assert (written, Task.objects.count()) == ([200, 200, 429], 2)
