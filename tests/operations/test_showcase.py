"""The showcase as document 000 (§6) prints it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from config.kernel import clock as kernel_clock
from config.kernel.clock import iso_z
from generation.models import Asset
from operations.models import ShowcaseVideo
from operations.services.showcase import showcase_add

LIST = "/api/showcase/videos"


def asset(user: Any, name: str, **more: Any) -> Asset:
    return Asset.objects.create(
        user=user,
        storage_key=f"outputs/{name}",
        source="output",
        kind=more.pop("kind", "video"),
        content_type="video/mp4",
        size_bytes=1,
        sha256=b"\x00" * 32,
        created_at=kernel_clock.now(),
        **more,
    )


def shown(user: Any, number: int, **more: Any) -> ShowcaseVideo:
    poster = asset(user, f"{number}.jpg", kind="image")
    video = asset(user, f"{number}.mp4", thumbnail=poster, duration_ms=10_040)
    return showcase_add(video=video, title=f"Title {number}", description="About", tags=("sunset", "ocean"), at=kernel_clock.now(), **more)


@pytest.mark.django_db
def test_a_page_has_the_documents_shape(api: Any, user_factory: Any) -> None:
    user = user_factory()
    first, second = shown(user, 1, display_order=100), shown(user, 2)
    answer = api().get(f"{LIST}?page=1&page_size=12")
    assert (answer.status, {name: answer.body[name] for name in ("total", "page", "page_size", "total_pages")}) == (
        200,
        {"total": 2, "page": 1, "page_size": 12, "total_pages": 1},
    )
    assert [video["id"] for video in answer.body["videos"]] == [first.pk, second.pk]
    video = answer.body["videos"][0]
    assert video == {
        "id": first.pk,
        "title": "Title 1",
        "description": "About",
        "video_url": video["video_url"],
        "thumbnail_url": video["thumbnail_url"],
        "duration": 10,
        "view_count": 0,
        "tags": ["sunset", "ocean"],
        "created_at": iso_z(first.created_at),
        "display_order": 100,
        "is_active": True,
    }
    assert video["video_url"].endswith(f"/public/{first.video.uuid}.mp4")
    assert video["thumbnail_url"].endswith(f"/public/{first.video.thumbnail.uuid}.jpg")


@pytest.mark.django_db
def test_pages_are_cut_and_end_empty(api: Any, user_factory: Any, django_assert_max_num_queries: Any) -> None:
    user = user_factory()
    for number in range(5):
        shown(user, number)
    with django_assert_max_num_queries(2):
        answer = api().get(f"{LIST}?page=2&page_size=2").body
    assert (answer["total_pages"], len(answer["videos"])) == (3, 2)
    assert api().get(f"{LIST}?page=1000000&page_size=100").body["videos"] == []
    assert api().get(LIST).body["page_size"] == 12


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page_size=0", "page_size=101", "page=1.5", "page=", "page=99999999999999999999"]
)
def test_a_page_that_cannot_be_is_refused(api: Any, query: str) -> None:
    answer = api().get(f"{LIST}?{query}")
    assert (answer.status, set(answer.body)) == (422, {"detail"})


@pytest.mark.django_db
def test_looking_counts_and_answers_the_new_count(api: Any, user_factory: Any) -> None:
    video = shown(user_factory(), 1)
    assert [api().get(f"{LIST}/{video.pk}").body["view_count"] for _ in range(2)] == [1, 2]


def test_parallel_viewers_all_count(committed_db: Any, user_factory: Any, api: Any) -> None:
    video = shown(user_factory(), 1)

    def look() -> None:
        api().get(f"{LIST}/{video.pk}")
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    video.refresh_from_db()
    assert video.view_count == 10


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "status"),
    [("0", 404), ("999999", 404), ("99999999999999999", 404), ("x", 422), ("-1", 422), ("1.0", 422), ("9" * 30, 422), ("²", 422)],
)
def test_what_is_not_on_show_is_not_found(api: Any, name: str, status: int) -> None:
    answer = api().get(f"{LIST}/{name}")
    assert (answer.status, set(answer.body)) == (status, {"detail"})


@pytest.mark.django_db
def test_what_was_taken_down_is_not_shown_and_not_counted(api: Any, user_factory: Any) -> None:
    video = shown(user_factory(), 1)
    ShowcaseVideo.objects.filter(pk=video.pk).update(is_active=False)
    assert api().get(LIST).body["videos"] == []
    assert api().get(f"{LIST}/{video.pk}").status == 404
    video.refresh_from_db()
    assert video.view_count == 0


@pytest.mark.django_db
def test_adding_a_video_twice_shows_it_once(user_factory: Any) -> None:
    user = user_factory()
    video = asset(user, "1.mp4")
    rows = {showcase_add(video=video, title="One", at=kernel_clock.now()).pk for _ in range(2)}
    video.refresh_from_db()
    assert (len(rows), video.is_public) == (1, True)
