"""Every request and response example of documents 000 and 001, executed; every answer is held against the schema."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import ApiKey, Session, User
from config.kernel import clock
from credits.selectors.wallet import balance_of
from generation.models import Engine, Task
from generation.selectors import routes
from generation.tasks import work
from tests.contracts.video.client import VideoClient

pytestmark = pytest.mark.django_db
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SUNSET = {
    "prompt": "A beautiful sunset over the ocean, waves gently crashing on the beach",
    "aspect_ratio": "landscape",
    "quality": "standard",
}
Person = Any
MakePerson = Callable[..., Person]


def test_text_to_video_example(person: MakePerson) -> None:
    someone = person(bonus=100)
    answer = someone.client.post("/api/videos/text-to-video", {**SUNSET, "webhook_url": "https://your-domain.com/webhook"})
    assert answer.status_code == 200
    assert re.fullmatch(UUID, answer.data.pop("task_id"))
    assert answer.data == {
        "success": True,
        "message": "Text-to-video task created successfully. Credits deducted.",
        "credits_estimated": 20,
        "estimated_time": 180,
    }
    assert balance_of(someone.user.pk).available == 80


@pytest.mark.parametrize(("kind", "quality", "price"), [
    ("text-to-video", "standard", 20), ("text-to-video", "hd", 30), ("image-to-video", "standard", 25), ("image-to-video", "hd", 35),
])  # fmt: skip
def test_prices_of_appendix_a(person: MakePerson, kind: str, quality: str, price: int) -> None:
    someone = person(bonus=100)
    body = {"prompt": "一个美丽的日落场景，海浪轻轻拍打着沙滩", "quality": quality, "image_urls": ["https://example.com/image.jpg"]}
    answer = someone.client.post(f"/api/videos/{kind}", body)
    assert answer.data["credits_estimated"] == price
    assert answer.data["message"] == f"{kind.capitalize()} task created successfully. Credits deducted."
    assert balance_of(someone.user.pk).available == 100 - price


@pytest.mark.parametrize("kind", ["animate-move", "animate-mix"])
@pytest.mark.parametrize(("mode", "price"), [("wan-std", 10), ("wan-pro", 14)])
def test_animate_reserves_five_seconds_of_a_foreign_video(person: MakePerson, kind: str, mode: str, price: int) -> None:
    someone = person(bonus=100)
    body = {"image_url": "https://example.com/image.jpg", "video_url": "https://example.com/video.mp4", "mode": mode}
    answer = someone.client.post(f"/api/videos/{kind}", body)
    assert set(answer.data) == {"success", "task_id", "message", "estimated_time"}
    balance = balance_of(someone.user.pk)
    assert (balance.available, balance.held) == (100 - 5 * price, 5 * price)


def test_task_examples_pending_processing_completed(person: MakePerson) -> None:
    someone = person(bonus=100)
    task_id = someone.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    waiting = someone.client.get(f"/api/tasks/{task_id}").data
    assert waiting == {
        "task_id": task_id,
        "user_id": str(someone.user.uuid),
        "task_type": "text-to-video",
        "status": "pending",
        "progress": 0.0,
        "result_url": None,
        "error_message": None,
        "created_at": waiting["created_at"],
        "updated_at": waiting["updated_at"],
        "completed_at": None,
    }
    assert re.fullmatch(TIME, waiting["created_at"])
    assert someone.client.get(f"/api/videos/tasks/{task_id}").data["status"] == "PENDING"
    Task.objects.filter(uuid=task_id).update(status="RUNNING", progress=45.5)
    assert someone.client.get(f"/api/tasks/{task_id}").data["status"] == "processing"
    assert someone.client.get(f"/api/tasks/{task_id}").data["progress"] == 45.5


def test_task_list_example(person: MakePerson) -> None:
    someone = person(bonus=100)
    made = [someone.client.post("/api/videos/text-to-video", SUNSET).data["task_id"] for _ in range(3)]
    answer = someone.client.get("/api/tasks/user/tasks?page=1&page_size=2").data
    assert [task["task_id"] for task in answer["tasks"]] == [made[2], made[1]]
    assert (answer["total"], answer["page"], answer["page_size"]) == (3, 1, 2)
    assert someone.client.get("/api/tasks/user/tasks?page=2&page_size=2").data["tasks"][0]["task_id"] == made[0]
    assert someone.client.get("/api/tasks/user/tasks?status=completed").data["total"] == 0
    assert someone.client.get("/api/tasks/user/tasks?status=PENDING").data["total"] == 3
    assert someone.client.get("/api/tasks/user/tasks").data["page_size"] == 10


def test_cancel_example_gives_the_credits_back(person: MakePerson) -> None:
    someone = person(bonus=100)
    task_id = someone.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    assert someone.client.delete(f"/api/tasks/{task_id}").data == {"message": "Task cancelled successfully"}
    assert balance_of(someone.user.pk).available == 100
    again = someone.client.delete(f"/api/tasks/{task_id}")
    assert (again.status_code, set(again.data)) == (400, {"detail"})
    assert balance_of(someone.user.pk).available == 100
    assert someone.client.get(f"/api/tasks/{task_id}").data["status"] == "failed"
    assert someone.client.get(f"/api/videos/tasks/{task_id}").data["status"] == "CANCELLED"
    assert someone.client.get("/api/tasks/user/tasks?status=failed").data["total"] == 1
    assert someone.client.get("/api/tasks/user/tasks?status=FAILED").data["total"] == 0


def test_retry_example(person: MakePerson) -> None:
    someone = person(bonus=100)
    task_id = someone.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    refused = someone.client.post(f"/api/tasks/{task_id}/retry")
    assert refused.status_code == 400
    someone.client.delete(f"/api/tasks/{task_id}")
    answer = someone.client.post(f"/api/tasks/{task_id}/retry").data
    assert answer["message"] == "Task retry initiated"
    assert answer["original_task_id"] == task_id
    assert answer["task_id"] == answer["new_task_id"] != task_id
    assert balance_of(someone.user.pk).available == 80


def test_insufficient_credits_in_the_documents_words(person: MakePerson) -> None:
    someone = person(bonus=10)
    answer = someone.client.post("/api/videos/text-to-video", SUNSET)
    assert answer.status_code == 402
    assert answer.data == {"detail": "Insufficient credits. Required: 20 credits (standard quality). Available: 10 credits."}
    assert balance_of(someone.user.pk).available == 10
    assert Task.objects.count() == 0


def test_validation_error_in_the_documents_words(person: MakePerson) -> None:
    someone = person(bonus=100)
    answer = someone.client.post("/api/videos/text-to-video", {**SUNSET, "prompt": "x" * 5001})
    assert answer.status_code == 422
    assert answer.data == {
        "detail": [
            {"loc": ["body", "prompt"], "msg": "ensure this value has at most 5000 characters", "type": "value_error.any_str.max_length"}
        ]
    }
    assert balance_of(someone.user.pk).available == 100


def test_idempotency_key_replays_and_refuses_another_body(person: MakePerson) -> None:
    someone = person(bonus=100)
    first = someone.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="whale-0042")
    again = someone.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="whale-0042")
    assert again.data == first.data
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    other = someone.client.post("/api/videos/text-to-video", {**SUNSET, "quality": "hd"}, Idempotency_Key="whale-0042")
    assert other.status_code == 409
    elsewhere = someone.client.post(
        "/api/videos/image-to-video", {**SUNSET, "image_urls": ["https://a.example/b.png"]}, Idempotency_Key="whale-0042"
    )
    assert elsewhere.status_code == 409
    assert balance_of(someone.user.pk).available == 80
    assert Task.objects.count() == 1


def test_a_repeat_is_the_first_answer_even_when_it_would_be_refused_now(person: MakePerson, settings: Any) -> None:
    someone, signed_out = person(bonus=100), person(bonus=100)
    first = someone.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="one")
    signed_out.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="one")
    Session.objects.filter(user=signed_out.user).update(revoked_at=clock.real_now())

    def again(who: Person = someone, key: str = "one") -> Any:
        return who.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key=key)

    settings.SENSITIVE_WORDS = ["sunset"]
    assert (again().data, again()["Idempotent-Replayed"]) == (first.data, "true")
    assert (again(signed_out).status_code, again(key="two").status_code) == (401, 400)
    settings.SENSITIVE_WORDS = []
    Engine.objects.update(is_enabled=False)
    routes.forget()
    assert (again().data, again(signed_out).status_code, again(key="two").status_code) == (first.data, 401, 503)
    routes.forget()
    assert (balance_of(someone.user.pk).available, Task.objects.count()) == (80, 2)


def test_a_refusal_frees_the_idempotency_key(person: MakePerson) -> None:
    poor = person(bonus=10)
    assert poor.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="k").status_code == 402
    poor.give(bonus=50)
    assert poor.client.post("/api/videos/text-to-video", SUNSET, Idempotency_Key="k").status_code == 200


def test_a_task_is_made_and_its_video_is_read(person: MakePerson) -> None:
    someone = person(bonus=100)
    task_id = someone.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    work()
    done = someone.client.get(f"/api/tasks/{task_id}").data
    assert (done["status"], done["progress"], done["error_message"]) == ("completed", 100.0, None)
    assert re.fullmatch(TIME, done["completed_at"])
    path = done["result_url"].partition("/media/")
    video = someone.client.http.get(f"/media/{path[2]}")
    assert video["Content-Type"] == "video/mp4"
    part = someone.client.http.get(f"/media/{path[2]}", headers={"Range": "bytes=4-7"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"ftyp")


def test_somebody_elses_task_is_not_found(person: MakePerson) -> None:
    owner, stranger = person(bonus=100), person(bonus=100)
    task_id = owner.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    for answer in (
        stranger.client.get(f"/api/tasks/{task_id}"),
        stranger.client.get(f"/api/videos/tasks/{task_id}"),
        stranger.client.delete(f"/api/tasks/{task_id}"),
        stranger.client.post(f"/api/tasks/{task_id}/retry"),
        VideoClient(key=stranger.key).get(f"/api/tasks/{task_id}"),
        owner.client.get(f"/api/tasks/{uuid4()}"),
        owner.client.get("/api/tasks/no-uuid"),
    ):
        assert answer.status_code == 404
        assert answer.data == {"detail": "Task not found"}


def test_a_key_alone_reads_only_what_was_made_with_it(person: MakePerson) -> None:
    owner = person(bonus=100)
    task_id = owner.client.post("/api/videos/text-to-video", SUNSET).data["task_id"]
    by_key = VideoClient(key=owner.key).get(f"/api/tasks/{task_id}")
    assert by_key.status_code == 200
    assert "prompt" not in str(by_key.data)
    assert VideoClient(token=owner.token).get(f"/api/tasks/{task_id}").status_code == 401
    assert (
        VideoClient(key="ba45112b599d79fba659be778e3478b576f9825f1c57b80ad16cb918ec886a66").get(f"/api/tasks/{task_id}").status_code == 401
    )


def test_another_persons_personal_key_is_refused_beside_a_token(person: MakePerson) -> None:
    owner, other = person(bonus=100), person()
    mixed = VideoClient(token=owner.token, key=other.key)
    assert mixed.post("/api/videos/text-to-video", SUNSET).status_code == 403
    assert balance_of(owner.user.pk).available == 100


def test_a_personal_key_as_bearer_acts_as_its_owner(person: MakePerson) -> None:
    owner = person(bonus=100)
    assert VideoClient(token=owner.key).post("/api/videos/text-to-video", SUNSET).status_code == 200
    assert balance_of(owner.user.pk).available == 80
    assert VideoClient(token=owner.key).get("/api/users/profile").status_code == 403


def test_sensitive_content_is_refused_before_anything_is_debited(person: MakePerson) -> None:
    someone = person(bonus=100)
    answer = someone.client.post("/api/videos/text-to-video", {"prompt": "x [[sensitive]]"})
    assert answer.status_code == 400
    assert balance_of(someone.user.pk).available == 100


def test_a_retired_model_is_refused_before_anything_is_debited(person: MakePerson) -> None:
    from generation.models import Route
    from generation.selectors import routes

    someone = person(bonus=100)
    Route.objects.filter(kind="text-to-video").delete()
    routes.forget()
    answer = someone.client.post("/api/videos/text-to-video", SUNSET)
    routes.forget()
    assert answer.status_code == 503
    assert "retired" in answer.data["detail"]
    assert balance_of(someone.user.pk).available == 100


def test_a_full_queue_debits_nothing(person: MakePerson, settings: Any) -> None:
    settings.QUEUE_LIMIT = 1
    someone = person(bonus=100)
    assert someone.client.post("/api/videos/text-to-video", SUNSET).status_code == 200
    answer = someone.client.post("/api/videos/text-to-video", SUNSET)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert balance_of(someone.user.pk).available == 80


@pytest.mark.parametrize("how", ["signed out", "banned", "expired", "key revoked", "key unknown"])
def test_who_is_not_proven_orders_nothing_in_the_statement_that_proves(person: MakePerson, how: str) -> None:
    someone = person(bonus=100)
    client = VideoClient(someone.token, someone.key)
    past = clock.real_now() - dt.timedelta(seconds=1)
    if how == "signed out":
        client.post("/api/auth/logout")
    elif how == "banned":
        User.objects.filter(pk=someone.user.pk).update(banned_at=past)
    elif how == "expired":
        Session.objects.filter(user=someone.user).update(expires_at=past - dt.timedelta(days=7))
    elif how == "key revoked":
        ApiKey.objects.filter(user=someone.user).update(revoked_at=past)
    else:
        client.key = "ak_nobody"
    answer = client.post("/api/videos/text-to-video", SUNSET)
    assert answer.status_code == (403 if how == "banned" else 401)
    assert (Task.objects.count(), balance_of(someone.user.pk).available) == (0, 100)


def test_an_access_token_that_outlives_its_sessions_refresh_still_orders(person: MakePerson) -> None:
    someone = person(bonus=100)
    Session.objects.filter(user=someone.user).update(expires_at=clock.real_now() - dt.timedelta(seconds=1))
    answer = VideoClient(someone.token, someone.key).post("/api/videos/text-to-video", SUNSET)
    assert answer.status_code == 200
    assert (Task.objects.count(), balance_of(someone.user.pk).available) == (1, 80)
