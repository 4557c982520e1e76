"""`admin/*`: what operators see and decide through the contract."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import Event, Identity, Session, User
from accounts.services.user import user_delete_request, user_erase
from config.kernel import clock as kernel_clock
from generation.kinds import KINDS
from generation.models import Engine, Task
from generation.selectors import routes
from tests.contracts.people import Somebody, signed_in
from tests.contracts.stargraph.conftest import MakeSomebody, worked
from tests.contracts.stargraph.test_examples import TIME, animation_of, ordered
from tests.contracts.test_permissions import address_of

pytestmark = pytest.mark.django_db
USERS = "/api/v1/admin/users"


@pytest.fixture
def operator(somebody: MakeSomebody) -> Somebody:
    return somebody(is_staff=True)


def ban(operator: Somebody, user_id: Any, body: Any = None) -> Any:
    return operator.client.post(f"{USERS}/{user_id}/ban", {"reason": "垃圾信息"} if body is None else body)


def unban(operator: Somebody, user_id: Any, body: Any = None) -> Any:
    return operator.client.post(f"{USERS}/{user_id}/unban", body)


class TestQueue:
    def test_an_empty_queue(self, operator: Somebody) -> None:
        data = operator.client.get("/api/v1/admin/queue").data["data"]
        assert (data["waiting"], data["running"], data["oldestWaitingTime"]) == (0, 0, 0)
        assert [row["kind"] for row in data["kinds"]] == list(KINDS)
        assert all(row["estimatedTime"] >= 1 for row in data["kinds"])

    def test_what_waits_and_runs_over_all_users(self, operator: Somebody, somebody: MakeSomebody, settings: Any, clock: Any) -> None:
        settings.RATE_LIMITS, settings.QUEUE_LIMIT, settings.USER_RUNNING_LIMIT = True, 77, 3
        first, second = somebody(paid=100), somebody(paid=100)
        ordered(first)
        Task.objects.update(created_at=kernel_clock.real_now() - dt.timedelta(seconds=90))
        clock.advance(days=3)  # tasks wait in real time
        ordered(second)
        ordered(second, "text2video")
        Task.objects.filter(kind="text2video").update(status="RUNNING")
        data = operator.client.get("/api/v1/admin/queue").data["data"]
        assert (data["waiting"], data["running"], data["limit"], data["userRunningLimit"]) == (2, 1, 77, 3)
        assert 90 <= data["oldestWaitingTime"] < 100
        rows = {row["kind"]: row for row in data["kinds"]}
        assert (rows["text2img"]["type"], rows["text2img"]["waiting"], rows["text2img"]["running"]) == ("TEXT2IMG", 2, 0)
        assert (rows["text2video"]["waiting"], rows["text2video"]["running"], rows["text2video"]["oldestWaitingTime"]) == (0, 1, 0)

    def test_estimates_are_measured(self, operator: Somebody, somebody: MakeSomebody) -> None:
        ordered(somebody(paid=100))
        task = worked()
        begun = kernel_clock.now()
        Task.objects.filter(pk=task.pk).update(started_at=begun, completed_at=begun + dt.timedelta(seconds=41))
        routes.forget()
        rows = {row["kind"]: row for row in operator.client.get("/api/v1/admin/queue").data["data"]["kinds"]}
        assert rows["text2img"]["estimatedTime"] == 41


class TestEngines:
    def test_engines_tell_their_load_and_their_last_day_and_no_secret(self, operator: Somebody, somebody: MakeSomebody) -> None:
        Engine.objects.create(name="far", adapter="kie", api_base="https://user:pass@far.example/v1", api_key="sk-secret-1", concurrency=7)
        someone = somebody(paid=100)
        ordered(someone)
        worked()
        ordered(someone)
        Task.objects.filter(status="PENDING").update(status="RUNNING", engine=Engine.objects.get(adapter="builtin"))
        answer = operator.client.get("/api/v1/admin/engines")
        rows = {row["name"]: row for row in answer.data["data"]}
        own = next(row for row in rows.values() if row["adapter"] == "builtin")
        assert (own["enabled"], own["available"], own["running"], own["attempts"], own["successRate"]) == (True, True, 1, 1, 1.0)
        assert own["medianTime"] >= 0
        assert [(model["name"], model["type"], model["attempts"]) for model in own["models"]] == [
            ("stable-diffusion-xl-base-1.0", "TEXT2IMG", 1)
        ]
        far = rows["far"]
        assert (far["concurrency"], far["attempts"], far["successRate"], far["medianTime"], far["models"]) == (7, 0, None, None, [])
        text = answer.content.decode()
        assert all(secret not in text for secret in ("sk-secret", "far.example", "pass", "api"))

    def test_a_broken_and_a_switched_off_engine(self, operator: Somebody) -> None:
        Engine.objects.update(broken_until=kernel_clock.real_now() + dt.timedelta(minutes=5))
        row = operator.client.get("/api/v1/admin/engines").data["data"][0]
        assert (row["enabled"], row["available"], len(row["brokenUntil"])) == (True, False, 19)
        Engine.objects.update(broken_until=None, is_enabled=False)
        row = operator.client.get("/api/v1/admin/engines").data["data"][0]
        assert (row["enabled"], row["available"], row["brokenUntil"]) == (False, False, None)


class TestUsers:
    def test_a_summary(self, operator: Somebody, somebody: MakeSomebody) -> None:
        someone = somebody(paid=100, nickname="用户123")
        ordered(someone)
        animation_of(someone)
        rows = operator.client.get(f"{USERS}?keyword={someone.user.username}").data["data"]
        assert (rows["totalElements"], rows["totalPages"]) == (1, 1)
        row = rows["content"][0]
        assert all(re.fullmatch(TIME, row.pop(name)) for name in ("createTime", "lastLoginTime"))
        assert row == {
            "id": someone.user.pk, "username": someone.user.username, "nickname": "用户123", "avatar": None, "role": "USER",
            "status": "ACTIVE", "balance": 90, "freezed": 50, "taskCount": 2, "banTime": None,
        }  # fmt: skip

    def test_pages_and_order(self, operator: Somebody, somebody: MakeSomebody) -> None:
        ids = [operator.user.pk, *(somebody().user.pk for _ in range(4))]

        def page(query: str) -> list[int]:
            return [row["id"] for row in operator.client.get(f"{USERS}?{query}").data["data"]["content"]]

        assert page("") == ids[::-1]
        assert page("order=asc&pageSize=2&page=2") == ids[2:4]
        assert page("sort=username&order=asc") == list(User.objects.order_by("username").values_list("pk", flat=True))
        assert page("page=9") == []

    def test_search_finds_names_numbers_and_proven_addresses(self, operator: Somebody, somebody: MakeSomebody) -> None:
        found, other = somebody(nickname="Ännchen"), somebody()
        Identity.objects.create(user=found.user, kind="phone", subject="+8613800138000", verified_at=kernel_clock.now())

        def ids(keyword: str) -> list[int]:
            return [row["id"] for row in operator.client.get(f"{USERS}?keyword={keyword}").data["data"]["content"]]

        assert ids("%C3%84nn") == ids("%2B8613800138000") == [found.user.pk]
        assert found.user.pk in ids(str(found.user.pk))
        assert ids("13800138000") == ids("86-13800138000") == ids("138%200013%208000") == [found.user.pk]
        Identity.objects.create(user=other.user, kind="email", subject="one@example.com", verified_at=kernel_clock.now())
        assert ids("One@Example.com") == [other.user.pk]
        assert ids("138001380") == ids("example.com") == []
        assert set(ids("%20%20")) == {operator.user.pk, found.user.pk, other.user.pk}
        assert ids("%25") == ids("_%25_") == ids("' OR 1=1 --") == []

    def test_every_status_is_found_and_shown(self, operator: Somebody, somebody: MakeSomebody, clock: Any) -> None:
        banned, leaving, gone = somebody(), somebody(), somebody()
        user_delete_request(user_id=gone.user.pk)
        clock.advance(days=31)
        assert user_erase(user_id=gone.user.pk)
        user_delete_request(user_id=leaving.user.pk)
        ban(operator, banned.user.pk)
        people = {"ACTIVE": operator, "BANNED": banned, "DELETING": leaving, "DELETED": gone}
        for status, someone in people.items():
            rows = operator.client.get(f"{USERS}?status={status}").data["data"]["content"]
            assert [(row["id"], row["status"]) for row in rows] == [(someone.user.pk, status)]

    def test_a_page_takes_a_bounded_number_of_statements(
        self, operator: Somebody, somebody: MakeSomebody, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(5):
            ordered(somebody(paid=100))
        with django_assert_max_num_queries(5):
            assert len(operator.client.get(USERS).data["data"]["content"]) == 6


class TestBan:
    def test_a_banned_user_is_signed_out_at_once_and_it_is_noted(self, operator: Somebody, somebody: MakeSomebody) -> None:
        someone, stranger = somebody(paid=10), somebody()
        answer = ban(operator, someone.user.pk)
        assert (answer.data["message"], answer.data["data"]["status"], answer.data["data"]["id"]) == (
            "用户已封禁",
            "BANNED",
            someone.user.pk,
        )
        assert len(answer.data["data"]["banTime"]) == 19
        refused = someone.client.get("/api/v1/users/balance")
        assert (refused.status_code, refused.data["message"]) == (403, "账号已被封禁")
        assert not Session.objects.filter(user=someone.user, revoked_at__isnull=True).exists()
        assert stranger.client.get("/api/v1/users/balance").status_code == 200
        note = LogEntry.objects.get()
        assert (note.user_id, note.object_id, note.change_message) == (operator.user.pk, str(someone.user.pk), "banned: 垃圾信息")
        event = Event.objects.get(kind="user.banned")
        assert (event.user_id, event.payload) == (someone.user.pk, {"reason": "垃圾信息"})

    def test_repeating_changes_nothing(self, operator: Somebody, somebody: MakeSomebody, clock: Any) -> None:
        someone = somebody()
        first = ban(operator, someone.user.pk).data["data"]
        clock.advance(days=1)
        assert ban(operator, someone.user.pk).data["data"] == first
        assert (LogEntry.objects.count(), Event.objects.filter(kind="user.banned").count()) == (1, 1)

    def test_unban_lets_sign_in_again_but_old_tokens_stay_dead(self, operator: Somebody, somebody: MakeSomebody) -> None:
        someone = somebody()
        ban(operator, someone.user.pk)
        answer = unban(operator, someone.user.pk, {"reason": "申诉成立"})
        assert (answer.data["message"], answer.data["data"]["status"], answer.data["data"]["banTime"]) == ("用户已解封", "ACTIVE", None)
        assert someone.client.get("/api/v1/users/balance").status_code == 401
        someone.user.refresh_from_db()
        assert signed_in(someone.user, "stargraph").client.get("/api/v1/users/balance").status_code == 200
        assert LogEntry.objects.first().change_message == "unbanned: 申诉成立"
        assert unban(operator, someone.user.pk).status_code == 200

    def test_nobody_bans_themselves_and_only_a_superuser_bans_a_superuser(self, operator: Somebody, somebody: MakeSomebody) -> None:
        lesser = somebody(is_staff=True)
        User.objects.filter(pk=lesser.user.pk).update(is_superuser=False)
        User.objects.filter(pk=operator.user.pk).update(is_superuser=True)
        for actor, target in ((operator, operator), (lesser, lesser), (lesser, operator)):
            for answer in (ban(actor, target.user.pk), unban(actor, target.user.pk)):
                assert (answer.status_code, answer.data["code"]) == (403, 403)
        assert not User.objects.filter(banned_at__isnull=False).exists()
        assert (LogEntry.objects.count(), Event.objects.filter(kind="user.banned").count()) == (0, 0)
        assert ban(operator, lesser.user.pk).status_code == 200
        assert lesser.client.get(USERS).status_code == 403

    def test_an_erased_user_leaves_the_notes_too(self, operator: Somebody, somebody: MakeSomebody, clock: Any) -> None:
        someone = somebody()
        ban(operator, someone.user.pk, {"reason": f"{someone.user.username} writes rubbish"})
        assert someone.user.username in str(LogEntry.objects.values().get())
        user_delete_request(user_id=someone.user.pk)
        clock.advance(days=31)
        assert user_erase(user_id=someone.user.pk)
        note = LogEntry.objects.get()
        assert (note.user_id, note.object_id, note.object_repr, note.change_message) == (operator.user.pk, str(someone.user.pk), "", "")
        assert unban(operator, someone.user.pk).status_code == 404

    def test_nobody_there_is_404(self, operator: Somebody, somebody: MakeSomebody, clock: Any) -> None:
        gone = somebody()
        user_delete_request(user_id=gone.user.pk)
        clock.advance(days=31)
        assert user_erase(user_id=gone.user.pk)
        for user_id in (gone.user.pk, "0", "-1", "x", "1.0", "９", "%00", "9" * 30, 2**63, "1e3", "%27"):
            for answer in (ban(operator, user_id), unban(operator, user_id)):
                assert (answer.status_code, answer.data["code"], answer.data["message"]) == (404, 404, "用户不存在"), user_id

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"reason": ""},
            {"reason": "  "},
            {"reason": None},
            {"reason": 1},
            {"reason": "x" * 201},
            {"reason": "a\x00b"},
            {"reason": ["x"]},
        ],
    )
    def test_a_ban_needs_a_reason(self, operator: Somebody, somebody: MakeSomebody, body: Any) -> None:
        someone = somebody()
        answer = ban(operator, someone.user.pk, body)
        assert (answer.status_code, answer.data["data"]["errors"][0]["field"]) == (400, "reason")
        assert someone.client.get("/api/v1/users/balance").status_code == 200


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=x", "pageSize=101", "sort=password", "sort=balance", "order=up", "status=active", "status=%00", "keyword=" + "x" * 101,
     "keyword=%00", "keyword=a%0Ab"],
)  # fmt: skip
def test_bad_queries_are_400(operator: Somebody, query: str) -> None:
    answer = operator.client.get(f"{USERS}?{query}")
    assert (answer.status_code, answer.data["data"]["errors"][0]["field"]) == (400, query.partition("=")[0])


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"\xff", b'"x"', b'{"reason": "\\ud800"}', b"[" * 100_000, json.dumps({"reason": {"a": 1}}).encode()]
)
def test_broken_bodies_ban_nobody(operator: Somebody, somebody: MakeSomebody, raw: bytes) -> None:
    someone = somebody()
    assert operator.client.call("POST", f"{USERS}/{someone.user.pk}/ban", raw=raw).status_code == 400
    assert someone.client.get("/api/v1/users/balance").status_code == 200


def test_people_who_are_no_operators_learn_nothing(somebody: MakeSomebody) -> None:
    someone, other = somebody(), somebody()
    for user_id in (other.user.pk, 999_999_999):
        answer = ban(someone, user_id)
        assert (answer.status_code, answer.data["message"], answer.data["data"]) == (403, "无权限", None)
    assert someone.client.get(address_of("api/v1/admin/users")).data["data"] is None
