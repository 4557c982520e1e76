"""Pictures on the pages: ordered at the price that is told, shown all and in order, saved as what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from config.kernel import clock
from config.kernel.sql import fetch_one
from generation.kinds import KINDS
from generation.models import Asset, Attempt, Engine, Task
from generation.services.link import link_of
from generation.services.task_create import task_create
from generation.states import LateChoice
from generation.web.wording import PAGE_KINDS, facts_of, kind_label
from tests.pages.conftest import Reader, _principal, asset, in_state

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
DRAWN = ("text2img", "img2img", "pose")


def form(kind: str, quoted: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "token": str(uuid4()), "quoted": str(quoted), "prompt": "A quiet harbour", **more}


def send(person: Reader, kind: str, quoted: int, **more: Any) -> Any:
    return person.client.post(f"/create?kind={kind}", form(kind, quoted, **more), headers=ENGLISH)


def upload(person: Reader, width: int = 640, height: int = 480) -> Asset:
    """A picture of the person's own, of that size in px."""
    return asset(person.user, kind="image", width=width, height=height)


def made(person: Reader, count: int, kind: str = "text2img", status: str = "SUCCEEDED", **params: Any) -> tuple[Task, list[Asset]]:
    """A task that made `count` pictures, as a worker leaves it."""
    wish = {"prompt": "A quiet harbour", "seed": -1, "batch_size": count, **params}
    created = task_create(principal=_principal(person.user), kind=kind, offer=f"stargraph/{kind}", alias=KINDS[kind].model, params=wish)
    task = Task.objects.get(pk=created.id)
    outputs = [asset(person.user, kind="image", width=1024 + number, height=768) for number in range(count)]
    Asset.objects.filter(pk__in=[one.pk for one in outputs]).update(task=task)
    return in_state(task, status, **({"output": outputs[0]} if status == "SUCCEEDED" else {})), outputs


@pytest.mark.parametrize(("pictures", "cost"), [(1, 10), (2, 20), (4, 40)])
def test_the_price_of_a_batch_is_told_and_debited(pictures: int, cost: int, reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    html = person.client.get(reverse("create-quote"), {"kind": "text2img", "pictures": str(pictures)}, headers=ENGLISH).content.decode()
    assert f'data-quote-cost="{cost}"' in html
    assert send(person, "text2img", cost, pictures=str(pictures), size="landscape").status_code == 302
    (task,) = person.tasks()
    asked = {"prompt": "A quiet harbour", "seed": -1, "batch_size": pictures, "width": 1344, "height": 768}
    assert (task.kind, task.offer, task.params, task.cost_credits) == (
        "text2img", "stargraph/text2img", asked, cost,
    )  # fmt: skip
    assert person.balance == 100 - cost


def test_the_button_knows_the_price_of_every_batch(reader: Callable[..., Reader]) -> None:
    html = reader().client.get("/create?kind=text2img").content.decode()
    assert 'data-choice="pictures"' in html
    assert "{&quot;1&quot;: 10, &quot;2&quot;: 20, &quot;4&quot;: 40}" in html


def test_a_batch_that_was_told_for_one_is_told_anew_first(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = send(person, "text2img", 10, pictures="4")
    assert answer.status_code == 409
    assert "This costs 40 credits." in answer.content.decode()
    assert not person.tasks()
    assert person.balance == 100


@pytest.mark.parametrize("wish", [{"pictures": "3"}, {"pictures": "400"}, {"size": "1x1"}, {"pictures": ["1", "x"], "size": "\x00"}])
def test_what_is_not_offered_is_refused(wish: dict[str, Any], reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    assert send(person, "text2img", 10, **wish).status_code == 422
    assert not person.tasks()
    assert person.balance == 100


@pytest.mark.parametrize(
    ("kind", "cost", "more", "written"),
    [
        ("img2img", 20, {"pictures": "2", "size": "portrait"}, {"batch_size": 2, "width": 576, "height": 1024, "seed": -1}),
        ("pose", 12, {}, {"batch_size": 1, "width": 768, "height": 768, "seed": -1}),
        ("upscale", 5, {"scale": "4"}, {"scale_factor": 4}),
    ],
)
def test_kinds_with_a_picture_order_it_with_it(
    kind: str, cost: int, more: dict[str, str], written: dict[str, Any], reader: Callable[..., Reader]
) -> None:
    person = reader(bonus=100)
    picture = upload(person)
    assert send(person, kind, cost, image_asset=str(picture.uuid), **more).status_code == 302
    (task,) = person.tasks()
    param = KINDS[kind].inputs[0].param
    assert str(picture.uuid) in task.params[param]
    prompt = {"prompt": "A quiet harbour"} if kind != "upscale" else {}
    assert task.params == {param: task.params[param], **written, **prompt}
    assert person.balance == 100 - cost


def test_a_picture_too_large_to_enlarge_is_told_at_its_field(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = send(person, "upscale", 5, image_asset=str(upload(person, 3000, 2500).uuid), scale="4")
    assert answer.status_code == 422
    assert re.search(r'class="drop error".*The picture would become too large', answer.content.decode(), re.S)
    assert not person.tasks()
    assert person.balance == 100


@pytest.mark.parametrize("kind", ["img2img", "upscale", "pose"])
def test_a_kind_without_its_picture_is_told_at_its_field(kind: str, reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    answer = send(person, kind, {"img2img": 10, "upscale": 5, "pose": 12}[kind])
    assert answer.status_code == 422
    assert "drop error" in answer.content.decode()
    assert not person.tasks()
    assert person.balance == 100


def test_every_offered_kind_asks_for_what_its_limits_allow() -> None:
    for kind in PAGE_KINDS.values():
        for choice in kind.choices:
            for option in choice.options:
                assert not KINDS[kind.name].breaches({**kind.fixed, **choice.params_of(option.value)}), (kind.name, option.value)


def test_every_kind_has_words_in_both_languages() -> None:
    from django.utils import translation

    for language in ("en", "zh-hans"):
        with translation.override(language):
            labels = {name: kind_label(name) for name in KINDS}
        assert all(label != name for name, label in labels.items())
        assert len(set(labels.values())) == len(KINDS)


def test_facts_tell_size_number_and_scale_of_any_order() -> None:
    assert facts_of("text2img", {"width": 512, "height": 640, "batch_size": 3}) == ["512 × 640", "3 张图片"]
    assert facts_of("upscale", {"scale_factor": 2}) == ["×2"]
    assert facts_of("img2video", {}) == []


@pytest.mark.parametrize("count", [1, 4])
def test_all_pictures_stand_on_the_page_in_order_with_size_and_download(count: int, reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task, outputs = made(person, count)
    html = person.client.get(reverse("task", args=[task.uuid]), headers=ENGLISH).content.decode()
    shown = re.findall(r'<img src="/media/[^"/]+/([0-9a-f-]{36})\.png"', html)
    assert shown == [str(one.uuid) for one in outputs]
    assert "<video" not in html
    assert ".mp4" not in html
    names = re.findall(r'download="([^"]+)"', html)
    assert names == [f"{one.uuid}.png" for one in outputs]
    for one in outputs:
        assert f"{one.width} × 768 · PNG" in html
        assert f'width="{one.width}" height="768"' in html


def test_bench_and_history_show_the_first_picture_and_how_many(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    _, outputs = made(person, 4)
    small = outputs[0].thumbnail
    assert small is not None
    for path in ("/create", "/history"):
        html = person.client.get(path, headers=ENGLISH).content.decode()
        assert re.search(rf'<img src="/media/[^"/]+/{small.uuid}\.jpg"', html)
        assert "4 pictures" in html
        assert "<video" not in html


def test_late_pictures_that_were_taken_are_shown_all(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task, outputs = made(person, 2, status="TIMEOUT")
    attempt = Attempt.objects.create(
        task=task, number=1, engine=Engine.objects.order_by("pk")[0], state="succeeded", late_asset=outputs[0], sent_at=clock.real_now()
    )
    address = reverse("task", args=[task.uuid])
    assert not re.findall(r'<img src="/media', person.client.get(address).content.decode())
    Attempt.objects.filter(pk=attempt.pk).update(late_choice=LateChoice.TAKEN)
    assert len(re.findall(r'<img src="/media', person.client.get(address).content.decode())) == 2


def test_nobody_sees_anothers_pictures(reader: Callable[..., Reader]) -> None:
    owner, stranger = reader(bonus=100), reader()
    task, outputs = made(owner, 4)
    answer = stranger.client.get(reverse("task", args=[task.uuid]))
    assert answer.status_code == 404
    assert not any(str(one.uuid) in answer.content.decode() for one in outputs)


def test_another_try_of_a_batch_is_priced_as_it_is_debited(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    task, _ = made(person, 4, status="PENDING")
    person.client.post(reverse("task-cancel", args=[task.uuid]))
    html = person.client.get(reverse("task-fragment", args=[task.uuid]), headers=ENGLISH).content.decode()
    assert "Retry · 40 credits" in html
    assert person.balance == 100
    person.client.post(reverse("task-retry", args=[task.uuid]), {"token": str(uuid4())})
    assert person.balance == 60


@pytest.mark.parametrize("kind", DRAWN)
def test_again_leads_to_the_same_wish(kind: str, reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    choice = next(choice for choice in PAGE_KINDS[kind].choices if choice.name == "size")
    picture = upload(person)
    files = {one.param: link_of(picture) for one in KINDS[kind].inputs}
    task, _ = made(person, 2, kind=kind, **choice.params_of("portrait"), **files)
    html = person.client.get(reverse("task", args=[task.uuid])).content.decode()
    again = re.search(r'href="(/create\?[^"]+)"', html.split("<aside")[1])
    assert again
    form = person.client.get(again[1].replace("&amp;", "&")).content.decode()
    assert "A quiet harbour</textarea>" in form
    assert 'value="portrait" checked' in form
    assert 'name="pictures" value="2" checked' in form
    assert not files or f'name="image_asset" value="{picture.uuid}"' in form


def test_again_is_absent_where_the_page_does_not_offer_the_kind(reader: Callable[..., Reader]) -> None:
    person = reader(bonus=100)
    created = task_create(
        principal=_principal(person.user), kind="text2video", offer="stargraph/text2video", alias=KINDS["text2video"].model,
        params={"prompt": "Waves", "duration": 2, "fps": 8, "width": 512, "height": 512, "seed": -1},
    )  # fmt: skip
    task = in_state(Task.objects.get(pk=created.id), "SUCCEEDED", output=asset(person.user), output_duration_ms=2000)
    assert task.output is not None
    html = person.client.get(reverse("task", args=[task.uuid]), headers=ENGLISH).content.decode()
    assert "<video" in html
    assert f'download="{task.output.uuid}.mp4"' in html
    assert "Make another from this" not in html
    assert "Text to short video · 512 × 512" in html


def test_a_strangers_picture_is_never_brought_back_by_again(reader: Callable[..., Reader]) -> None:
    person, other = reader(bonus=100), reader()
    mine, theirs = upload(person), upload(other)
    task, _ = made(person, 1, kind="img2img", image_url=link_of(mine))
    Task.objects.filter(pk=task.pk).update(params={**task.params, "image_url": link_of(theirs)})
    html = person.client.get("/create", {"kind": "img2img", "from": str(task.uuid)}).content.decode()
    assert str(theirs.uuid) not in html


def test_batches_cost_the_pages_no_statement_each(reader: Callable[..., Reader], django_assert_max_num_queries: Any) -> None:
    person = reader(paid=600)
    for count in (1, 6):
        for _ in range(count):
            made(person, 4)
        person.client.get("/create?kind=text2img")
        with django_assert_max_num_queries(12):
            person.client.get("/create?kind=text2img")
        with django_assert_max_num_queries(10):
            person.client.get("/history")


def test_the_printed_price_is_the_debit_of_every_offered_kind() -> None:
    from operations.web.prices import PriceBook

    book = PriceBook()
    for kind in PAGE_KINDS.values():
        params = {name: value for choice in kind.choices for name, value in choice.params_of(choice.options[0].value).items()}
        charged = fetch_one("select * from credits_price_of(%s::text, %s::jsonb)", (kind.offer, json.dumps(params)))
        listed = book.price(kind.offer, params)
        assert listed is not None
        assert (listed.amount, listed.unit) == (charged.amount, charged.unit)


def test_a_file_that_is_not_theirs_is_not_here_in_the_readers_words(reader: Callable[..., Reader]) -> None:
    person, foreign = reader(bonus=100), upload(reader())
    sent = form("img2img", 10, image_asset=str(foreign.uuid))
    html = person.client.post("/create?kind=img2img", sent).content.decode()
    assert "它已经不在这里了。" in html
    assert not person.tasks()
    assert person.balance == 100
