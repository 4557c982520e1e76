"""What is sent to `/app/generate` and `/app/task/status` (002 §8.4), and what of it moves anything."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from PIL import Image

from accounts.models import Idempotency
from accounts.realtime.callers import Proof, caller_of
from accounts.realtime.stomp.sends import GENERATE, STATUS, Answer, answered, sent_of
from accounts.services.api_key import api_key_create
from accounts.services.session import session_revoke_all
from accounts.services.user import user_ban
from config.contracts.stargraph.views import WRITES_A_MINUTE
from config.kernel import limits
from config.kernel.errors import NotSignedIn, SystemFailure
from credits.models import Posting
from generation.models import Asset, Engine, Task
from generation.selectors import routes
from generation.selectors.named import name_of
from tests.conftest import UserFactory
from tests.contracts.people import signed_in
from tests.realtime.sockets import task_made
from tests.realtime.test_events import token_of

pytestmark = pytest.mark.django_db
Send = Callable[..., Answer]
CAT = {"type": "TEXT2IMG", "prompt": "一只可爱的猫咪"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """No worker is woken, no test sees the routes of another."""
    settings.DEMO = True
    monkeypatch.setattr("generation.dispatch._send", lambda *_: None)
    routes.forget()
    yield
    routes.forget()


def bearer(authorization: str) -> Send:
    """Sends as whoever this authorization proves now."""
    proof = Proof.of(caller_of({"authorization": authorization}).principal)

    def send(body: Any, destination: str = GENERATE, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return answered(sent_of(authorization, proof, {"destination": destination, **headers}, raw))

    return send


def sender(user: Any) -> Send:
    return bearer(f"Bearer {token_of(user)}")


def state() -> tuple[int, int, int]:
    return Posting.objects.count(), Task.objects.count(), Asset.objects.count()


def refused(answer: Answer, code: str, words: str = "") -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(answer.body)
    assert (body["type"], body["code"]) == ("error", code), body
    assert words in body["message"]
    return body


def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


ORDERS = {
    "TEXT2IMG": {"prompt": "a cat"},
    "IMG2IMG": {"prompt": "a cat", "imageBase64": True},
    "UPSCALE": {"imageBase64": True},
    "POSE": {"prompt": "a cat", "poseImageBase64": True},
    "TEXT2VIDEO": {"prompt": "a cat"},
    "IMG2VIDEO": {"imageBase64": True},
}


@pytest.mark.parametrize("type", ORDERS)
def test_an_order_is_what_the_rest_call_would_have_made_of_it(user_factory: UserFactory, type: str) -> None:
    person = signed_in(user_factory(paid=1000, bonus=0), "stargraph")
    body = {name: picture() if value is True else value for name, value in ORDERS[type].items()} | {"clientId": "c-7"}
    by_rest = person.client.post(f"/api/v1/generate/{type.lower()}", body).data["data"]
    reply = orjson.loads(sender(person.user)({"type": type, **body}).body)
    first, second = Task.objects.order_by("pk")
    same = ("kind", "offer", "alias", "cost_credits", "status", "priority", "user_id")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    changing = {"image_url", "pose_image_url"}
    assert {n: v for n, v in first.params.items() if n not in changing} == {n: v for n, v in second.params.items() if n not in changing}
    assert reply == {"type": "reply", **by_rest, "taskId": name_of(second), "queuePosition": 2, "estimatedTime": reply["estimatedTime"]}
    assert reply["clientId"] == "c-7"


WRONG: list[tuple[Any, str]] = [
    (b"", "type"),
    (b"[]", "请求参数错误"),
    (b"{", "请求参数错误"),
    (b"[" * 60_000, "请求参数错误"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "请求参数错误"),
    (b'{"type": "TEXT2IMG", "prompt": "\\ud800"}', "请求参数错误"),
    (b'{"type": "TEXT2IMG", "prompt": "\xff"}', "请求参数错误"),
    ({"type": "TEXT2IMG", "prompt": "a\0b"}, "prompt"),
    ({"type": "TEXT2IMG"}, "prompt"),
    ({"prompt": "x"}, "type"),
    ({"type": "text2img", "prompt": "x"}, "type"),
    ({"type": "ANIMATE_MOVE", "prompt": "x"}, "type"),
    ({"type": ["TEXT2IMG"], "prompt": "x"}, "type"),
    ({"type": {}, "prompt": "x"}, "type"),
    ({**CAT, "width": 63}, "width"),
    (b'{"type": "TEXT2IMG", "prompt": "x", "steps": 1000000000000000000000000000000}', "steps"),
    ({"type": "IMG2IMG", "prompt": "x"}, "imageUrl"),
    ({"type": "IMG2IMG", "prompt": "x", "imageUrl": "file:///etc/passwd"}, ""),
]


@pytest.mark.parametrize(("body", "words"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_order_is_refused_with_the_fields_text_and_moves_nothing(user_factory: UserFactory, body: Any, words: str) -> None:
    send = sender(user_factory(paid=100, bonus=0))
    before = state()
    refused(send(body), "400", words)
    assert state() == before


def test_a_refusal_names_the_clients_own_id(user_factory: UserFactory) -> None:
    send = sender(user_factory(bonus=0))
    assert refused(send({**CAT, "clientId": "mine"}), "E002", "余额不足")["clientId"] == "mine"
    assert "clientId" not in refused(send({**CAT, "clientId": "x" * 129}), "400", "clientId")
    assert "clientId" not in refused(send({**CAT, "clientId": 7}), "400", "clientId")


def test_refusals_carry_the_documents_codes_and_move_nothing(user_factory: UserFactory, settings: Any) -> None:
    poor, rich = user_factory(bonus=0), user_factory(paid=1000, bonus=0)
    send = sender(rich)
    before = state()
    refused(sender(poor)(CAT), "E002", "余额不足")
    refused(send({**CAT, "prompt": "x [[sensitive]]"}), "E006", "敏感内容检测")
    refused(send({"type": "UPSCALE", "imageBase64": "not base64!"}), "E004", "图片格式不支持")
    refused(send({**CAT, "modelName": "nothing-of-the-kind"}), "E001")
    settings.QUEUE_LIMIT = 0
    assert state() == before
    task_made(rich, status="PENDING", progress=0)
    settings.QUEUE_LIMIT = 1
    refused(send(CAT), "E003", "任务队列已满")
    settings.QUEUE_LIMIT = 10_000
    Engine.objects.update(is_enabled=False)
    routes.forget()
    refused(send(CAT), "E001")
    assert state() == (before[0], before[1] + 1, before[2])


def test_the_same_key_is_the_same_task_and_another_order_under_it_a_conflict(user_factory: UserFactory) -> None:
    person = signed_in(user_factory(paid=1000, bonus=0), "stargraph")
    send = sender(person.user)
    first = send(CAT, **{"idempotency-key": "k"})
    again = send(CAT, **{"Idempotency-Key": "k"})
    assert (again.body, first.is_replayed, again.is_replayed) == (first.body, False, True)
    moved = state()
    refused(send({**CAT, "steps": 20}, **{"idempotency-key": "k"}), "409")
    by_rest = person.client.post("/api/v1/generate/text2img", CAT, Idempotency_Key="k")
    assert by_rest.status_code == 409
    refused(send(CAT, **{"idempotency-key": "x" * 256}), "400", "Idempotency-Key")
    refused(send(CAT, **{"idempotency-key": ""}), "400", "Idempotency-Key")
    assert state() == moved
    assert moved[1] == 1
    send(CAT)
    send(CAT)
    assert Task.objects.count() == 3  # without a key nothing is guessed


def test_a_refused_order_frees_its_key(user_factory: UserFactory) -> None:
    user = user_factory(paid=1000, bonus=0)
    send = sender(user)
    refused(send({**CAT, "prompt": "x [[sensitive]]"}, **{"idempotency-key": "k"}), "E006")
    assert not Idempotency.objects.filter(user=user, status__isnull=True).exists()
    assert orjson.loads(send(CAT, **{"idempotency-key": "k"}).body)["type"] == "reply"


def test_a_task_whose_reply_was_lost_is_not_made_twice(user_factory: UserFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    send = sender(user_factory(paid=1000, bonus=0))
    with monkeypatch.context() as patch:
        patch.setattr("generation.api.stargraph.orders.rendered", lambda *_: 1 / 0)
        refused(send(CAT, **{"idempotency-key": "k"}), "500", "服务器内部错误")
    [task] = Task.objects.all()
    assert orjson.loads(send(CAT, **{"idempotency-key": "k"}).body)["taskId"] == name_of(task)
    assert Task.objects.count() == 1


def test_who_proves_nothing_any_more_orders_nothing(user_factory: UserFactory) -> None:
    left, banned = user_factory(paid=100), user_factory(paid=100)
    sends = [sender(left), sender(banned)]
    session_revoke_all(user_id=left.pk)
    user_ban(user_id=banned.pk, banned=True)
    before = state()
    for send in sends:
        with pytest.raises(NotSignedIn if send is sends[0] else Exception):
            send(CAT)
        with pytest.raises(NotSignedIn if send is sends[0] else Exception):
            send({"taskId": "t2i_20250101_1"}, STATUS)
    assert state() == before


def test_a_key_orders_within_its_scopes_only(user_factory: UserFactory) -> None:
    user = user_factory(paid=100, bonus=0)
    reading = api_key_create(user_id=user.pk, name="r", scopes=["tasks"]).key
    making = api_key_create(user_id=user.pk, name="m", scopes=["tasks", "generation"])
    before = state()
    refused(bearer(f"Bearer {reading}")(CAT), "403", "无权限")
    assert state() == before
    assert orjson.loads(bearer(f"Bearer {making.key}")(CAT).body)["type"] == "reply"
    assert Task.objects.get().api_key_id is not None
    name = name_of(Task.objects.get())
    assert orjson.loads(bearer(f"Bearer {reading}")({"taskId": name}, STATUS).body)["status"] == "PENDING"


def test_orders_count_with_those_of_rest(user_factory: UserFactory, settings: Any) -> None:
    settings.RATE_LIMITS = True
    user = user_factory(paid=100, bonus=0)
    send = sender(user)
    for _ in range(WRITES_A_MINUTE):
        limits.take("v1-stargraph-write", str(user.pk), WRITES_A_MINUTE, 60)
    before = state()
    refused(send(CAT), "429", "请求过于频繁")
    assert state() == before


def test_a_users_sends_are_limited_over_all_connections(user_factory: UserFactory, settings: Any) -> None:
    settings.RATE_LIMITS, settings.REALTIME_USER_SENDS_A_MINUTE = True, 3
    user, other = user_factory(), user_factory()
    sends = [sender(user), sender(user)]
    codes = [orjson.loads(sends[turn % 2]({"taskId": "t2i_20250101_1"}, STATUS).body)["code"] for turn in range(4)]
    assert codes == ["404", "404", "404", "429"]
    refused(sends[0](CAT), "429")
    refused(sender(other)({"taskId": "t2i_20250101_1"}, STATUS), "404")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"taskId": 5}', b'{"taskId": ""}', b'{"taskId": "%s"}' % (b"9" * 81), b"[" * 5000, b"\0"]
)
def test_a_question_that_is_none_is_told_so(user_factory: UserFactory, body: bytes) -> None:
    refused(sender(user_factory())(body, STATUS), "400", "请求参数错误")


def test_our_own_mistake_is_told_and_the_rest_goes_on(user_factory: UserFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    send = sender(user_factory())

    def broken(**_: Any) -> None:
        raise SystemFailure()

    monkeypatch.setattr("accounts.realtime.stomp.sends.standing", broken)
    assert refused(send({"taskId": "t2i_20250101_1"}, STATUS), "500")["taskId"] == "t2i_20250101_1"
