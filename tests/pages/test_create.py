"""The bench: the price first, one debit for one form, nobody else's task."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from generation.models import Asset, Task
from tests.pages.conftest import Reader, asset, in_state, order

pytestmark = pytest.mark.django_db
STRANGERS_UUID = uuid4()


def form(**more: Any) -> dict[str, Any]:
    """What the browser sends."""
    return {
        "kind": "text-to-video", "token": str(uuid4()), "quoted": "20", "prompt": "A quiet harbour", "quality": "standard",
        "aspect_ratio": "landscape", **more,
    }  # fmt: skip


def test_the_price_stands_on_the_receipt_and_on_the_button(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    html = person.client.get("/create", headers={"Accept-Language": "en"}).content.decode()
    assert re.search(r"data-before>100<", html)
    assert "−20" in html
    assert re.search(r"data-after>80<", html)
    assert re.search(r"Generate · <span data-price>20 credits</span>", html)


def test_an_order_is_debited_and_lies_on_the_bench(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = person.client.post("/create", form())
    assert answer.status_code == 302
    (task,) = person.tasks()
    assert (task.status, task.cost_credits, task.params["prompt"]) == ("PENDING", 20, "A quiet harbour")
    assert person.balance == 80
    assert f"task-{task.uuid}" in person.client.get("/create").content.decode()


def test_one_form_sent_twice_orders_once(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    sent = form()
    assert [person.client.post("/create", sent).status_code for _ in range(2)] == [302, 302]
    assert len(person.tasks()) == 1
    assert person.balance == 80


def test_one_form_with_two_contents_orders_once(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    sent = form()
    person.client.post("/create", sent)
    assert person.client.post("/create", {**sent, "prompt": "Something else"}).status_code == 409
    assert len(person.tasks()) == 1
    assert person.balance == 80


def test_another_price_than_the_button_told_is_told_first(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = person.client.post("/create", form(quality="hd"), headers={"Accept-Language": "en"})
    assert answer.status_code == 409
    assert "This costs 30 credits. Press again to go on." in answer.content.decode()
    assert 'name="quoted" value="30"' in answer.content.decode()
    assert "A quiet harbour" in answer.content.decode()
    assert not person.tasks()
    assert person.balance == 100


def test_too_few_credits_are_told_in_numbers_and_nothing_moves(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=19)
    answer = person.client.post("/create", form(), headers={"Accept-Language": "en"})
    assert answer.status_code == 402
    assert "This needs 20 credits; you have 19. Nothing was spent." in answer.content.decode()
    assert not person.tasks()
    assert person.balance == 19


@pytest.mark.parametrize("fault", [{"prompt": ""}, {"prompt": "x" * 5001}, {"token": "no uuid"}])
def test_what_is_missing_is_said_in_place(fault: dict[str, str], reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    assert person.client.post("/create", form(**fault)).status_code == 422
    assert not person.tasks()
    assert person.balance == 100


def test_moderation_refuses_before_anything_is_spent(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    assert person.client.post("/create", form(prompt="Something [[sensitive]]")).status_code == 422
    assert not person.tasks()
    assert person.balance == 100


def test_a_second_kind_needs_its_files(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = person.client.post("/create?kind=image-to-video", form(kind="image-to-video", quoted="25"))
    assert answer.status_code == 422
    assert "drop error" in answer.content.decode()
    assert not person.tasks()


def test_an_own_upload_becomes_the_first_picture(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    picture = asset(person.user, kind="image")
    answer = person.client.post("/create?kind=image-to-video", form(kind="image-to-video", quoted="25", image_asset=str(picture.uuid)))
    assert answer.status_code == 302
    (task,) = person.tasks()
    assert str(picture.uuid) in task.params["image_urls"][0]
    assert person.balance == 75


def test_a_strangers_upload_is_nobodys(reader: Callable[..., Reader]) -> None:
    person, other = reader(bonus=100), reader()
    picture = asset(other.user, kind="image")
    sent = form(kind="image-to-video", quoted="25", image_asset=str(picture.uuid))
    assert person.client.post("/create?kind=image-to-video", sent).status_code == 422
    assert str(picture.uuid) not in person.client.get(f"/create?kind=image-to-video&image_asset={picture.uuid}").content.decode()
    assert not person.tasks()


def test_a_timed_kind_is_quoted_for_the_length_of_its_video(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    video = asset(person.user)
    Asset.objects.filter(pk=video.pk).update(duration_ms=3200)
    query = {"kind": "animate-move", "mode": "wan-pro", "video_asset": str(video.uuid)}
    html = person.client.get(reverse("create-quote"), query).content.decode()
    assert f'data-quote-cost="{4 * 14}"' in html


def test_the_printed_prices_are_those_that_are_charged() -> None:
    from config.kernel.sql import fetch_one
    from credits.models import Price
    from operations.web.prices import PriceBook

    book = PriceBook()
    rows = list(Price.objects.filter(offer__is_active=True))
    assert len(rows) > 20
    for row in rows:
        charged = fetch_one("select * from credits_price_of(%s::text, %s::jsonb)", (row.offer_id, __import__("json").dumps(row.match)))
        listed = book.price(row.offer_id, row.match)
        assert listed is not None
        assert (listed.amount, listed.unit) == (charged.amount, charged.unit)


def test_nobody_sees_or_touches_anothers_task(reader: Callable[..., Reader]) -> None:
    owner, stranger = reader(bonus=100), reader(bonus=100)
    task = order(owner.user, "Only mine")
    for name in ("task", "task-fragment"):
        answer = stranger.client.get(reverse(name, args=[task.uuid]))
        assert answer.status_code == 404
        assert "Only mine" not in answer.content.decode()
    for name in ("task-cancel", "task-retry", "task-late"):
        assert stranger.client.post(reverse(name, args=[task.uuid])).status_code == 404
    task.refresh_from_db()
    assert task.status == "PENDING"
    assert (owner.balance, stranger.balance) == (80, 100)
    assert "Only mine" not in stranger.client.get("/history").content.decode()
    assert "Only mine" not in stranger.client.get(f"/create?from={task.uuid}").content.decode()


def test_cancelling_gives_the_credits_back_and_says_so(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task = order(person.user)
    answer = person.client.post(reverse("task-cancel", args=[task.uuid]), follow=True, headers={"Accept-Language": "en"})
    assert "20 credits are back." in answer.content.decode()
    assert person.balance == 100
    assert person.tasks()[0].status == "CANCELLED"
    person.client.post(reverse("task-cancel", args=[task.uuid]))
    assert person.balance == 100


def test_one_retry_button_orders_once(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task = order(person.user)
    person.client.post(reverse("task-cancel", args=[task.uuid]))
    token = str(uuid4())
    for _ in range(2):
        assert person.client.post(reverse("task-retry", args=[task.uuid]), {"token": token}).status_code == 302
    assert len(person.tasks()) == 2
    assert person.tasks()[0].retry_of_id == task.pk
    assert person.balance == 80


@pytest.mark.parametrize(
    ("status", "more", "words"),
    [
        ("PENDING", {}, "Next in line. 20 credits spent"),
        ("RUNNING", {"progress": 62}, 'value="62"'),
        ("FAILED", {"error_code": "timeout"}, "20 credits are back."),
        ("TIMEOUT", {"error_code": "timeout"}, "Timed out"),
        ("CANCELLED", {}, "Cancelled by you. 20 credits are back."),
    ],
)
def test_each_state_says_what_happens_to_the_credits(status: str, more: dict[str, Any], words: str, reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task = in_state(order(person.user), status, **more)
    html = person.client.get(reverse("task-fragment", args=[task.uuid]), headers={"Accept-Language": "en"}).content.decode()
    assert words in html
    assert f'data-state="{status}"' in html
    assert "<html" not in html


def test_a_finished_film_plays_on_its_page_from_this_server(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    film = asset(person.user)
    task = in_state(order(person.user), "SUCCEEDED", output=film, output_duration_ms=5000)
    html = person.client.get(reverse("task", args=[task.uuid])).content.decode()
    assert re.search(rf'<video src="/media/[^"/]+/{film.uuid}\.mp4" poster="/media/', html)
    assert 'controls preload="none"' in html


def test_a_prompt_is_text_and_never_markup(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task = in_state(order(person.user, '<script>alert(1)</script>"><b>'), "RUNNING")
    for path in ("/create", "/history", reverse("task", args=[task.uuid]), f"/create?from={task.uuid}"):
        assert "<script>alert" not in person.client.get(path).content.decode()


def test_history_is_paged_by_keys(reader: Callable[..., Reader]) -> None:
    person = reader(paid=600, bonus=0)
    for number in range(23):
        order(person.user, f"Film {number:02d}")
    first = person.client.get("/history").content.decode()
    older = re.search(r'href="(/history\?before=\d+)"', first)
    assert older
    second = person.client.get(older[1]).content.decode()
    shown = [set(re.findall(r"Film \d\d", html)) for html in (first, second)]
    assert (len(shown[0]), len(shown[1])) == (20, 3)
    assert not shown[0] & shown[1]
    assert "/history?before=" not in second.split('<nav class="split"')[1].split("</nav>")[0]
    for wish in ("x", "-1", "9" * 30):
        assert person.client.get("/history", {"before": wish}).status_code == 200


def test_the_bench_asks_the_database_no_more_for_more_tasks(reader: Callable[..., Reader], django_assert_max_num_queries: Any) -> None:
    person = reader(paid=400)
    for count in (1, 8):
        for _ in range(count):
            in_state(order(person.user), "SUCCEEDED", output=asset(person.user), output_duration_ms=5000)
            in_state(order(person.user), "FAILED", error_code="timeout")
        person.client.get("/create")
        with django_assert_max_num_queries(12):
            person.client.get("/create")
        with django_assert_max_num_queries(9):
            person.client.get(reverse("task-fragment", args=[Task.objects.filter(user=person.user).latest("pk").uuid]))


def test_home_asks_little(films: list[Any], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(4):
        Client().get("/")


def test_each_file_is_asked_for_by_name(reader: Callable[..., Reader]) -> None:
    html = reader().client.get("/create?kind=animate-move", headers={"Accept-Language": "en"}).content.decode()
    for name, label in (("image", "Picture of the person"), ("video", "Video of the movement")):
        assert f'<span class="head" id="{name}-label">{label}</span>' in html
        assert f'aria-labelledby="{name}-label {name}-text"' in html
