"""Every example of document 002 §2–§7, executed; every answer of the contract's own paths is held against its schema."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Idempotency, Identity, User
from config.contracts.idempotency import name_under
from config.kernel import clock as kernel_clock
from config.kernel.principal import Principal
from generation import storage
from generation.api.stargraph import words
from generation.models import Asset, Task
from generation.selectors.named import name_of
from generation.services import money
from generation.services.asset import asset_sweep_orphans
from generation.services.task_create import task_create
from payments.services.balance import order_pay_by_balance
from payments.services.catalogue import terms_of_product
from tests.contracts.client import ContractClient
from tests.contracts.people import Somebody, signed_in
from tests.contracts.stargraph.conftest import MakeSomebody, data_url, painted, picture, worked

pytestmark = pytest.mark.django_db
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
ENVELOPE = {"code", "message", "data", "timestamp", "requestId"}
PROFILE, BALANCE, RECORDS = "/api/v1/users/profile", "/api/v1/users/balance", "/api/v1/users/fund-records"
TEXT2IMG = {
    "prompt": "一只可爱的猫咪在花园里玩耍", "negativePrompt": "低质量,模糊,变形", "modelName": "stable-diffusion-xl-base-1.0",
    "width": 1024, "height": 1024, "steps": 30, "cfgScale": 7.5, "seed": -1, "sampler": "euler", "scheduler": "normal", "denoise": 1.0,
    "batchSize": 1, "clientId": "optional_client_id",
}  # fmt: skip
SMALL = {"prompt": "a fox", "width": 64, "height": 64}
IMG2IMG = {
    "prompt": "将图片转换为油画风格", "negativePrompt": "低质量", "imageUrl": "https://example.com/image.jpg", "strength": 0.7,
    "modelName": "stable-diffusion-v1-5", "width": 512, "height": 512, "steps": 20, "cfgScale": 7, "seed": -1,
}  # fmt: skip
UPSCALE = {"imageUrl": "https://example.com/image.jpg", "scaleFactor": 2, "model": "RealESRGAN"}
POSE = {
    "prompt": "一个穿着红色裙子的女孩", "poseImageUrl": "https://example.com/pose.jpg", "controlType": "openpose",
    "controlStrength": 1.0, "modelName": "stable-diffusion-v1-5", "width": 512, "height": 768,
}  # fmt: skip
TEXT2VIDEO = {
    "prompt": "一只猫在草地上奔跑", "negativePrompt": "低质量,模糊", "modelName": "stable-video-diffusion", "width": 512, "height": 512,
    "duration": 4, "fps": 8, "motionBucketId": 127, "cfgScale": 7.5, "steps": 25, "seed": -1,
}  # fmt: skip
IMG2VIDEO = {
    "imageUrl": "https://example.com/image.jpg", "prompt": "让画面动起来", "modelName": "stable-video-diffusion-img2vid", "duration": 4,
    "fps": 8, "motionBucketId": 127, "augmentationLevel": 0.0, "cfgScale": 2.5, "steps": 25, "seed": -1, "videoLoop": False,
}  # fmt: skip
ORDERS: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "text2img": (TEXT2IMG, "t2i", 10, "任务创建成功"),
    "img2img": (IMG2IMG, "i2i", 10, "任务创建成功"),
    "upscale": (UPSCALE, "up", 5, "任务创建成功"),
    "pose": (POSE, "pose", 12, "任务创建成功"),
    "text2video": (TEXT2VIDEO, "t2v", 30, "文生视频任务已提交"),
    "img2video": (IMG2VIDEO, "i2v", 30, "图生视频任务已提交"),
}


def ordered(someone: Somebody, kind: str = "text2img", **body: Any) -> dict[str, Any]:
    """The data of a new task's answer."""
    answer = someone.client.post(f"/api/v1/generate/{kind}", {**SMALL, **body})
    assert answer.status_code == 200, answer.data
    data: dict[str, Any] = answer.data["data"]
    return data


def post(path: str, body: Any = None, token: str | None = None) -> dict[str, Any]:
    """The body of an answer of /api/v1/auth/, which has the HTTP status that it says."""
    answer = ContractClient("stargraph", token).post(f"/api/v1/auth/{path}", body)
    assert (answer.status_code, set(answer.data)) == (answer.data["code"], ENVELOPE)
    data: dict[str, Any] = answer.data
    return data


def profile_status(token: str) -> int:
    status: int = ContractClient("stargraph", token).get(PROFILE).status_code
    return status


MD5 = hashlib.md5(b"password123", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("password", ["password123", MD5, MD5.upper()])
def test_sign_in_refresh_and_logout_examples(user_factory: Any, password: str) -> None:
    user = user_factory("user123", nickname="用户123", password="password123")
    answer = post("login", {"username": "user123", "password": password})
    assert (answer["code"], answer["message"], answer["data"]["expiresIn"]) == (200, "登录成功", 86400)
    shown = {name: answer["data"]["user"][name] for name in ("id", "username", "nickname", "avatar", "role")}
    assert shown == {"id": user.pk, "username": "user123", "nickname": "用户123", "avatar": None, "role": "USER"}
    token, refresh = answer["data"]["token"], answer["data"]["refreshToken"]
    new = post("refresh", token=refresh)
    assert (new["message"], new["data"]["expiresIn"]) == ("Token刷新成功", 86400)
    assert profile_status(new["data"]["token"]) == profile_status(token) == 200
    assert [post("refresh", token=other)["code"] for other in (token, new["data"]["token"], None, "x")] == [401] * 4
    assert profile_status(refresh) == 401
    assert post("refresh", token=refresh)["code"] == 200
    assert post("logout", token=token)["message"] == "登出成功"
    assert [profile_status(token), profile_status(new["data"]["token"]), post("refresh", token=refresh)["code"]] == [401] * 3


def test_sign_in_refuses(user_factory: Any) -> None:
    user_factory("user123", password="password123")
    other = hashlib.md5(b"password124", usedforsecurity=False).hexdigest()
    for wrong in ("password124", other, "x", MD5[:-1]):
        refused = post("login", {"username": "user123", "password": wrong})
        assert (refused["code"], refused["message"], refused["data"]) == (401, "用户名或密码错误", None)
    for body in ({}, {"username": "user123"}, {"username": "user123", "password": ""}, {"username": 1, "password": []}):
        assert post("login", body)["code"] == 400


def test_an_operator_never_signs_in_with_the_digest(user_factory: Any) -> None:
    user_factory("boss", password="password123", is_staff=True)
    assert post("login", {"username": "boss", "password": MD5})["code"] == 401
    assert post("login", {"username": "boss", "password": "password123"})["data"]["user"]["role"] == "ADMIN"


def test_the_envelope_tells_the_time_and_the_request(somebody: MakeSomebody) -> None:
    number = "2f1c1ad9-6f0b-4f0a-9a51-2f8e2b1f0a11"
    before = kernel_clock.real_now().timestamp() * 1000
    answer = somebody().client.get(BALANCE, X_Request_ID=number)
    assert (set(answer.data), answer.data["requestId"], answer["X-Request-ID"]) == (ENVELOPE, number, number)
    assert before - 1 <= answer.data["timestamp"] <= kernel_clock.real_now().timestamp() * 1000 + 1


def test_profile_example(somebody: MakeSomebody) -> None:
    someone = somebody(paid=1000, nickname="用户123")
    order_pay_by_balance(
        user_id=someone.user.pk, terms=terms_of_product(contract="studio", slug="monthly"), idempotency_key="m", at=kernel_clock.now()
    )
    data = someone.client.get(PROFILE).data["data"]
    for name in ("vipExpireTime", "createTime", "updateTime"):
        assert re.fullmatch(TIME, data.pop(name))
    assert data == {
        "id": someone.user.pk, "username": someone.user.username, "nickname": "用户123", "email": "", "phone": "", "avatar": None,
        "balance": 901, "vipLevel": 1,
    }  # fmt: skip


def test_times_are_those_of_beijing(somebody: MakeSomebody) -> None:
    someone = somebody()
    User.objects.filter(pk=someone.user.pk).update(created_at=dt.datetime(2024, 1, 1, 20, 0, tzinfo=dt.UTC), last_login_at=None)
    data = someone.client.get(PROFILE).data["data"]
    assert (data["createTime"], data["updateTime"], data["vipExpireTime"]) == ("2024-01-02T04:00:00", "2024-01-02T04:00:00", None)


def test_profile_change_example_is_contact_text(somebody: MakeSomebody) -> None:
    someone = somebody()
    body = {"nickname": "新昵称", "email": "newemail@example.com", "phone": "13900139000", "avatar": "https://example.com/a.png"}
    answer = someone.client.call("PUT", PROFILE, body)
    assert (answer.status_code, answer.data["message"]) == (200, "更新成功")
    assert {name: answer.data["data"][name] for name in body} == body
    assert User.objects.get(pk=someone.user.pk).phone == "+8613900139000"
    assert not Identity.objects.filter(subject__in=["+8613900139000", "newemail@example.com"]).exists()
    for blank in ("", " \u3000\t"):
        kept = someone.client.call("PUT", PROFILE, {"nickname": blank}).data["data"]
        assert (kept["nickname"], kept["email"]) == (someone.user.username, "newemail@example.com")
    assert someone.client.call("PUT", PROFILE, {"nickname": " 新昵称 "}).data["data"]["nickname"] == "新昵称"
    refused = someone.client.call("PUT", PROFILE, {"phone": "123"})
    assert (refused.status_code, refused.data["message"]) == (400, "请求参数错误: phone: 不是有效的手机号码")


@pytest.mark.parametrize("prefixed", [True, False])
def test_an_avatar_in_base64_is_stored_and_shown_to_everybody(somebody: MakeSomebody, prefixed: bool) -> None:
    someone = somebody()
    text = data_url(picture()) if prefixed else data_url(picture()).partition(",")[2]
    avatar = someone.client.call("PUT", PROFILE, {"avatar": text}).data["data"]["avatar"]
    asset = Asset.objects.get(source="upload")
    assert (asset.user_id, asset.is_public, asset.used_at is not None, asset.width) == (someone.user.pk, True, True, 96)
    assert f"/media/public/{asset.uuid}.png" in avatar
    shown = Client().get(f"/media/public/{asset.uuid}.png")
    assert (shown.status_code, b"".join(shown.streaming_content)) == (200, picture())
    assert someone.client.call("PUT", PROFILE, {"avatar": avatar}).data["data"]["avatar"] == avatar
    assert someone.client.call("PUT", PROFILE, {"avatar": ""}).data["data"]["avatar"] is None
    assert Client().get(f"/media/public/{asset.uuid}.png").status_code == 404


def test_an_avatar_that_was_replaced_is_swept(somebody: MakeSomebody, clock: Any) -> None:
    someone = somebody()
    for colour in ("red", "blue"):
        someone.client.call("PUT", PROFILE, {"avatar": data_url(painted(colour))})
    old, new = Asset.objects.filter(source="upload").select_related("thumbnail").order_by("pk")
    clock.advance(days=2)
    assert asset_sweep_orphans() == 1
    assert (storage.exists(old.storage_key), storage.exists(old.thumbnail.storage_key)) == (False, False)
    assert (storage.exists(new.storage_key), Asset.objects.get(source="upload")) == (True, new)


def test_what_a_waiting_task_is_made_from_is_not_swept(somebody: MakeSomebody, clock: Any) -> None:
    someone = somebody(paid=100)
    name = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(picture())}).data["data"]["taskId"]
    someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(painted("red"))})
    clock.advance(days=2)
    someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    assert asset_sweep_orphans() == 1
    assert worked().status == "SUCCEEDED"
    assert asset_sweep_orphans() == 0


def test_a_picture_of_ones_own_becomes_a_public_copy(somebody: MakeSomebody, api: Any) -> None:
    someone, stranger = somebody(paid=10), somebody()
    someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(picture())})
    mine = Task.objects.get().params["image_url"]
    assert stranger.client.call("PUT", PROFILE, {"avatar": mine}).status_code == 404
    avatar = someone.client.call("PUT", PROFILE, {"avatar": mine}).data["data"]["avatar"]
    original, copy = Asset.objects.filter(source="upload").order_by("pk")
    assert (str(copy.uuid) in avatar, copy.is_public, original.is_public) == (True, True, False)
    assert bytes(original.sha256) == bytes(copy.sha256)
    film = api(someone.user).request("PUT", "/api/users/profile", {"avatar_url": mine})
    again = Asset.objects.filter(source="upload").latest("pk")
    assert (film.status, str(again.uuid) in film.body["avatar_url"], again.is_public) == (200, True, True)
    assert someone.client.get(PROFILE).data["data"]["avatar"] == film.body["avatar_url"]
    assert api(stranger.user).request("PUT", "/api/users/profile", {"avatar_url": mine}).status == 404


def test_the_profile_tells_when_it_was_changed(somebody: MakeSomebody, clock: Any) -> None:
    someone = somebody()
    born = someone.client.get(PROFILE).data["data"]
    assert born["updateTime"] == born["createTime"]
    clock.advance(days=1)
    changed = someone.client.call("PUT", PROFILE, {"nickname": "x"}).data["data"]
    clock.advance(days=1)
    again = signed_in(someone.user, "stargraph").client.get(PROFILE).data["data"]
    assert born["updateTime"] < changed["updateTime"] == again["updateTime"]


def animation_of(someone: Somebody) -> Task:
    """A task that reserved 50 credits."""
    created = task_create(
        principal=Principal(someone.user.pk, someone.user.uuid), kind="animate-move", offer="video/animate-move", alias="wan2.2-animate",
        params={"image_url": "https://example.com/a.jpg", "video_url": "https://example.com/a.mp4", "mode": "wan-std", "check_image": True},
    )  # fmt: skip
    return Task.objects.get(pk=created.id)


def test_balance_example_with_what_is_frozen_and_used(somebody: MakeSomebody, clock: Any) -> None:
    someone = somebody(paid=1000)
    ordered(someone)
    name = ordered(someone)["taskId"]
    animation_of(someone)
    assert someone.client.get(BALANCE).data["data"] == {
        "balance": 980, "freezed": 50, "available": 930, "todayUsed": 20, "monthUsed": 20,
    }  # fmt: skip
    assert someone.client.get(PROFILE).data["data"]["balance"] == 980
    someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    assert someone.client.get(BALANCE).data["data"]["todayUsed"] == 10
    clock.advance(days=40)
    later = someone.client.get(BALANCE).data["data"]
    assert (later["todayUsed"], later["monthUsed"]) == (0, 0)


def test_what_comes_back_is_taken_off_the_day_and_month_in_which_it_was_used(somebody: MakeSomebody, clock: Any) -> None:
    someone, now = somebody(paid=1000), kernel_clock.now().astimezone(kernel_clock.SHANGHAI)
    month = (now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=64)).replace(day=1)
    clock.advance(seconds=(month - now).total_seconds() - 1800)

    def used() -> tuple[int, int]:
        data = someone.client.get(BALANCE).data["data"]
        return data["todayUsed"], data["monthUsed"]

    before = ordered(someone, batchSize=3)["taskId"]
    assert used() == (30, 30)
    clock.advance(hours=1)
    after = ordered(someone)["taskId"]
    assert used() == (10, 10)
    someone.client.call("DELETE", f"/api/v1/tasks/{before}")
    assert used() == (10, 10)
    clock.advance(days=1)
    assert used() == (0, 10)
    someone.client.call("DELETE", f"/api/v1/tasks/{after}")
    assert used() == (0, 0)


def test_fund_records_example(somebody: MakeSomebody) -> None:
    someone = somebody(paid=1000)
    name = ordered(someone)["taskId"]
    page = someone.client.get(f"{RECORDS}?page=1&pageSize=20&type=DEDUCT").data["data"]
    row = page["content"][0]
    assert re.fullmatch(TIME, row.pop("createTime"))
    assert isinstance(row.pop("id"), int)
    assert row == {"type": "DEDUCT", "amount": -10, "balance": 990, "reason": "文生图生成", "taskId": name}
    assert {key: page[key] for key in ("totalElements", "totalPages", "page", "pageSize")} == {
        "totalElements": 1, "totalPages": 1, "page": 1, "pageSize": 20,
    }  # fmt: skip
    someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    rows = someone.client.get(RECORDS).data["data"]["content"]
    assert [(row["type"], row["amount"], row["balance"], row["taskId"]) for row in rows] == [
        ("REFUND", 10, 1000, name), ("DEDUCT", -10, 990, name), ("RECHARGE", 1000, 1000, None),
    ]  # fmt: skip


def test_a_hold_its_capture_and_its_release_are_records(somebody: MakeSomebody) -> None:
    someone, at = somebody(paid=1000), kernel_clock.now()
    captured, released = animation_of(someone), animation_of(someone)
    money.raise_hold(captured, 80, at)
    ordered(someone)
    money.charge(captured, 42, at)
    money.give_back(released, at)
    names = {"captured": name_of(captured), "released": name_of(released)}
    rows = someone.client.get(RECORDS).data["data"]["content"]
    shown = [(row["type"], row["amount"], row["balance"], row["reason"], row["taskId"]) for row in rows]
    assert shown[:2] == [
        ("UNFREEZE", 50, 948, "动作迁移生成解冻", names["released"]),
        ("DEDUCT", -42, 948, "动作迁移生成", names["captured"]),
    ]
    assert shown[2][:4] == ("DEDUCT", -10, 990, "文生图生成")
    assert shown[3:] == [
        ("FREEZE", -30, 1000, "动作迁移生成冻结", names["captured"]),
        ("FREEZE", -50, 1000, "动作迁移生成冻结", names["released"]),
        ("FREEZE", -50, 1000, "动作迁移生成冻结", names["captured"]),
        ("RECHARGE", 1000, 1000, "充值：1000 credits", None),
    ]
    assert someone.client.get(BALANCE).data["data"]["balance"] == shown[0][2]
    for query in ("order=asc&pageSize=3", "pageSize=3", "pageSize=1"):
        pages = [someone.client.get(f"{RECORDS}?{query}&page={page}").data["data"]["content"] for page in range(1, 9)]
        again = [row for page in pages for row in page]
        assert again == (rows[::-1] if "asc" in query else rows)[: len(again)]
    for type in ("FREEZE", "UNFREEZE", "DEDUCT", "RECHARGE", "REFUND", "GIFT"):
        found = someone.client.get(f"{RECORDS}?type={type}").data["data"]["content"]
        assert found == [row for row in rows if row["type"] == type]


def test_fund_records_in_pages_both_ways(somebody: MakeSomebody) -> None:
    someone = somebody(paid=1000)
    for _ in range(5):
        ordered(someone)

    def rows(query: str) -> list[int]:
        return [row["id"] for row in someone.client.get(f"{RECORDS}?{query}").data["data"]["content"]]

    newest = rows("type=DEDUCT")
    assert newest == sorted(newest, reverse=True)
    assert len(newest) == 5
    for order, whole in (("desc", newest), ("asc", newest[::-1])):
        pages = [rows(f"type=DEDUCT&pageSize=2&page={number}&order={order}") for number in (1, 2, 3, 4)]
        assert pages == [whole[:2], whole[2:4], whole[4:], []]


@pytest.mark.parametrize("kind", sorted(ORDERS))
def test_generate_examples(somebody: MakeSomebody, kind: str) -> None:
    someone = somebody(paid=100)
    body, prefix, cost, message = ORDERS[kind]
    answer = someone.client.post(f"/api/v1/generate/{kind}", body)
    task = Task.objects.get()
    assert (answer.status_code, answer.data["message"]) == (200, message)
    data = answer.data["data"]
    day = f"{task.created_at.astimezone(kernel_clock.SHANGHAI):%Y%m%d}"
    assert data["taskId"] == f"{prefix}_{day}_{task.pk}"
    assert (data["queuePosition"], data["estimatedTime"], data["cost"]) == (1, task.estimate_s, cost)
    assert data.get("clientId") == body.get("clientId")
    if "video" in kind:
        assert (data["duration"], data["fps"], data["totalFrames"]) == (4, 8, 32)
    assert (task.kind, task.offer, task.alias) == (kind, f"stargraph/{kind}", body.get("modelName") or body["model"])
    assert someone.client.get(BALANCE).data["data"]["available"] == 100 - cost


def test_defaults_are_the_documents(somebody: MakeSomebody) -> None:
    someone = somebody(paid=200)
    address = "https://example.com/image.jpg"
    sent = {
        "text2img": ({"prompt": "x"}, TEXT2IMG), "img2img": ({"prompt": "x", "imageUrl": address}, IMG2IMG),
        "upscale": ({"imageUrl": address}, UPSCALE), "pose": ({"prompt": "x", "poseImageUrl": address}, POSE),
        "text2video": ({"prompt": "x"}, TEXT2VIDEO), "img2video": ({"imageUrl": address}, IMG2VIDEO),
    }  # fmt: skip
    for kind, (least, example) in sent.items():
        someone.client.post(f"/api/v1/generate/{kind}", least)
        task = Task.objects.latest("pk")
        shown = someone.client.get(f"/api/v1/tasks/{name_of(task)}").data["data"]
        given = {"prompt", "negativePrompt", "clientId", "imageUrl", "poseImageUrl"}
        expected = {name: value for name, value in example.items() if name not in given}
        assert {name: shown["parameters"][name] for name in expected} == expected, kind
        assert (shown["negativePrompt"], shown["prompt"]) == ("", least.get("prompt", ""))


def test_base64_wins_over_the_address_and_becomes_the_callers_upload(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    for kind, name in (("img2img", "image"), ("upscale", "image"), ("pose", "poseImage"), ("img2video", "image")):
        body = {"prompt": "x", f"{name}Base64": data_url(picture()), f"{name}Url": "http://127.0.0.1:1/private"}
        body = {key: value for key, value in body.items() if kind != "upscale" or key != "prompt"}
        answer = someone.client.post(f"/api/v1/generate/{kind}", body)
        assert answer.status_code == 200, answer.data
        task, asset = Task.objects.latest("pk"), Asset.objects.filter(source="upload").latest("pk")
        assert str(asset.uuid) in task.params["pose_image_url" if kind == "pose" else "image_url"]
        assert (asset.user_id, asset.is_public, asset.width, asset.height) == (someone.user.pk, False, 96, 64)


def test_a_task_shows_its_own_image_under_a_link_that_works(somebody: MakeSomebody, monkeypatch: pytest.MonkeyPatch) -> None:
    someone, foreign = somebody(paid=100), "https://example.com/image.jpg"
    own = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(picture())}).data["data"]["taskId"]
    other = someone.client.post("/api/v1/generate/upscale", {"imageUrl": foreign}).data["data"]["taskId"]
    film = name_of(animation_of(someone))
    first = Task.objects.get(pk=int(own.rpartition("_")[2])).params["image_url"]
    later = kernel_clock.real_now() + dt.timedelta(days=3)
    monkeypatch.setattr("generation.services.link.clock.real_now", lambda: later)

    def shown(name: str) -> str:
        address: str = someone.client.get(f"/api/v1/tasks/{name}").data["data"]["parameters"]["imageUrl"]
        return address

    image = shown(own)
    assert (shown(other), shown(film)) == (foreign, "https://example.com/a.jpg")
    statuses = [Client().get(f"/{address.partition('//')[2].partition('/')[2]}").status_code for address in (first, image)]
    assert statuses == [404, 200]
    Task.objects.filter(pk=int(own.rpartition("_")[2])).update(params={"image_url": f"{first}?directive=slow:3", "scale_factor": 2})
    assert shown(own) == f"{image}?directive=slow:3"


def test_a_finished_task_shows_its_true_results(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    name = ordered(someone, negativePrompt="低质量", seed=5, clientId="mine")["taskId"]
    worked()
    data = someone.client.get(f"/api/v1/tasks/{name}").data["data"]
    asset = Asset.objects.get(source="output")
    assert (data["id"], data["type"], data["status"], data["progress"], data["cost"]) == (name, "TEXT2IMG", "COMPLETED", 100, 10)
    assert (data["prompt"], data["negativePrompt"], data["clientId"]) == ("a fox", "低质量", "mine")
    assert data["parameters"]["seed"] == 5
    result = data["results"][0]
    assert f"/{asset.uuid}.png" in result.pop("url")
    assert f"/{asset.thumbnail.uuid}.jpg" in result.pop("thumbnailUrl")
    assert result == {"size": asset.size_bytes, "width": 64, "height": 64, "format": "PNG"}
    assert all(re.fullmatch(TIME, data[key]) for key in ("createTime", "startTime", "completeTime"))
    assert min(data["queueTime"], data["processTime"]) >= 0
    assert "error" not in data
    listed = someone.client.get("/api/v1/tasks?page=1&pageSize=20&status=COMPLETED&type=TEXT2IMG").data["data"]
    assert (listed["totalElements"], listed["totalPages"]) == (1, 1)
    row = listed["content"][0]
    assert set(row) == {"id", "type", "status", "progress", "prompt", "results", "cost", "createTime", "completeTime", "clientId"}
    assert (row["id"], len(row["results"])) == (name, 1)


def test_a_batch_costs_and_shows_each_of_its_images(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    data = ordered(someone, batchSize=3, seed=7)
    assert (data["cost"], someone.client.get(BALANCE).data["data"]["available"]) == (30, 70)
    worked()
    results = someone.client.get(f"/api/v1/tasks/{data['taskId']}").data["data"]["results"]
    outputs = list(Asset.objects.filter(source="output").order_by("pk"))
    assert [str(asset.uuid) in result["url"] for asset, result in zip(outputs, results, strict=True)] == [True] * 3
    assert len({bytes(asset.sha256) for asset in outputs}) == 3
    assert len(someone.client.get("/api/v1/tasks").data["data"]["content"][0]["results"]) == 3


def test_an_upscaled_image_and_a_video_tell_their_true_size(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    body = {"imageBase64": data_url(picture("JPEG"), "image/jpeg"), "scaleFactor": 4}
    large = someone.client.post("/api/v1/generate/upscale", body).data["data"]["taskId"]
    film = ordered(someone, "text2video", duration=1, fps=4)["taskId"]
    worked()
    worked()
    result = someone.client.get(f"/api/v1/tasks/{large}").data["data"]["results"][0]
    assert (result["width"], result["height"]) == (384, 256)
    result = someone.client.get(f"/api/v1/tasks/{film}").data["data"]["results"][0]
    assert (result["width"], result["height"], result["format"], result["duration"]) == (64, 64, "MP4", 1.0)
    assert result["thumbnailUrl"].partition("?")[0].endswith(".jpg")


def test_a_failed_task_says_why_and_is_retried(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    name = ordered(someone, prompt="a fox [[fail]]")["taskId"]
    worked()
    data = someone.client.get(f"/api/v1/tasks/{name}").data["data"]
    assert (data["status"], data["results"]) == ("FAILED", [])
    assert data["error"] == {"code": "E001", "message": "生成失败：引擎拒绝了该请求"}
    assert someone.client.get("/api/v1/tasks?status=FAILED").data["data"]["content"][0]["error"] == data["error"]
    answer = someone.client.post(f"/api/v1/tasks/{name}/retry")
    again = Task.objects.latest("pk")
    assert answer.data["message"] == "任务重试成功"
    assert (answer.data["data"]["newTaskId"], answer.data["data"]["queuePosition"]) == (name_of(again), 1)
    assert again.retry_of_id == int(name.rpartition("_")[2])
    assert someone.client.get(BALANCE).data["data"]["available"] == 90


def test_a_timed_out_task_is_failed_with_e008(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    name = ordered(someone)["taskId"]
    someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    Task.objects.update(status="TIMEOUT", error_code="timeout", error_message="It took too long.")
    data = someone.client.get(f"/api/v1/tasks/{name}").data["data"]
    assert (data["status"], data["error"]) == ("FAILED", {"code": "E008", "message": "生成失败：任务超时"})


def test_cancel_example(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    name = ordered(someone)["taskId"]
    answer = someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    assert (answer.data["message"], answer.data["data"]) == ("任务已取消", {"taskId": name, "refund": 10})
    assert someone.client.get(f"/api/v1/tasks/{name}").data["data"]["status"] == "CANCELLED"
    assert someone.client.get(BALANCE).data["data"]["available"] == 100
    again = someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    assert (again.status_code, again.data["code"], again.data["message"]) == (400, 400, "任务不能取消")


def test_cancelling_what_runs_is_a_request(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    name = ordered(someone)["taskId"]
    Task.objects.update(status="RUNNING")
    answer = someone.client.call("DELETE", f"/api/v1/tasks/{name}")
    assert (answer.data["message"], answer.data["data"]["refund"]) == ("已请求取消任务", 0)
    assert someone.client.get(f"/api/v1/tasks/{name}").data["data"]["status"] == "PROCESSING"
    assert someone.client.post(f"/api/v1/tasks/{name}/retry").data["message"] == "任务不能重试"


def test_tasks_of_every_contract_are_listed_filtered_and_sorted(somebody: MakeSomebody, api: Any) -> None:
    someone = somebody(paid=1000)
    film = api(someone.user, key=True).post("/api/videos/text-to-video", {"prompt": "waves", "quality": "standard"})
    assert film.status == 200
    for kind in ORDERS:
        someone.client.post(f"/api/v1/generate/{kind}", ORDERS[kind][0])

    def ids(query: str = "") -> list[str]:
        page = someone.client.get(f"/api/v1/tasks?{query}").data["data"]
        return [row["id"].partition("_")[0] for row in page["content"]]

    assert ids() == ["i2v", "t2v", "pose", "up", "i2i", "t2i", "t2v"]
    assert ids("order=asc&pageSize=2") == ["t2v", "t2i"]
    assert ids("type=TEXT2VIDEO") == ["t2v", "t2v"]
    assert ids("sort=cost&order=asc&pageSize=3") == ["up", "t2i", "i2i"]
    assert ids("status=PENDING&type=POSE") == ["pose"]
    assert ids("status=COMPLETED") == [] == ids("page=9")
    Task.objects.filter(kind="upscale").update(completed_at=kernel_clock.now())
    assert ids("sort=completeTime&order=asc")[0] == ids("sort=completeTime&order=desc")[0] == "up"
    film_name = name_of(Task.objects.get(kind="text-to-video"))
    shown = someone.client.get(f"/api/v1/tasks/{film_name}").data["data"]
    assert (shown["type"], shown["parameters"]["aspectRatio"], shown["parameters"]["modelName"]) == ("TEXT2VIDEO", "landscape", "sora2")


@pytest.mark.parametrize(("sort", "column", "values"), [("type", "kind", words.TYPES), ("status", "status", words.STATUS)])
def test_lists_are_sorted_by_what_they_show(somebody: MakeSomebody, sort: str, column: str, values: dict[str, str]) -> None:
    someone = somebody(paid=1000)
    for value in (*values, *values):
        ordered(someone)
        Task.objects.filter(pk=Task.objects.latest("pk").pk).update(**{column: value})

    def rows(order: str) -> list[tuple[str, int]]:
        pages = [
            someone.client.get(f"/api/v1/tasks?sort={sort}&order={order}&pageSize=7&page={page}").data["data"] for page in (1, 2, 3, 4)
        ]
        return [(row[sort], int(row["id"].rpartition("_")[2])) for page in pages for row in page["content"]]

    assert rows("asc") == sorted(rows("asc"))
    assert rows("desc") == rows("asc")[::-1]
    assert len(rows("asc")) == 2 * len(values)


def test_tasks_of_others_are_not_there(somebody: MakeSomebody) -> None:
    owner, stranger = somebody(paid=100), somebody(paid=100)
    name = ordered(owner)["taskId"]
    for answer in (
        stranger.client.get(f"/api/v1/tasks/{name}"),
        stranger.client.call("DELETE", f"/api/v1/tasks/{name}"),
        stranger.client.post(f"/api/v1/tasks/{name}/retry"),
    ):
        assert (answer.status_code, answer.data["code"], answer.data["message"]) == (404, 404, "任务不存在")
    assert stranger.client.get("/api/v1/tasks").data["data"]["content"] == []
    assert Task.objects.get().status == "PENDING"


def test_resources(somebody: MakeSomebody) -> None:
    client = somebody().client
    models = client.get("/api/v1/resources/models").data["data"]
    assert {"name": "stable-diffusion-xl-base-1.0", "type": "TEXT2IMG", "isDefault": True, "available": True, "estimatedTime": 5} in models
    assert {model["type"] for model in models if model["isDefault"]} == {
        "TEXT2IMG", "IMG2IMG", "UPSCALE", "POSE", "TEXT2VIDEO", "IMG2VIDEO",
    }  # fmt: skip
    assert {model["type"] for model in client.get("/api/v1/resources/models?type=POSE").data["data"]} == {"POSE"}
    assert client.get("/api/v1/resources/samplers").data["data"][0] == {"name": "euler", "isDefault": True}
    assert client.get("/api/v1/resources/schedulers").data["data"][0] == {"name": "normal", "isDefault": True}


def test_the_same_key_is_the_same_task(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    first = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one")
    again = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one")
    assert (again.content, again["Idempotent-Replayed"], Task.objects.count()) == (first.content, "true", 1)
    assert someone.client.get(BALANCE).data["data"]["available"] == 90
    with transaction.atomic():
        other = someone.client.post("/api/v1/generate/text2img", {**SMALL, "steps": 5}, Idempotency_Key="one")
        transaction.set_rollback(True)
    assert (other.status_code, other.data["code"], Task.objects.count()) == (409, 409, 1)


def test_a_key_that_looks_like_ours_is_a_client_key_like_any_other(somebody: MakeSomebody) -> None:
    someone, digest = somebody(paid=100), hashlib.sha256(b"one").hexdigest()
    keys = [f"stargraph-task:{digest}", f"stargraph-task {digest}", "one"]
    answers = [someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key=key) for key in (*keys, *keys[::-1])]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert [answer.content for answer in answers[:3]] == [answer.content for answer in answers[:2:-1]]
    assert Task.objects.count() == 3
    with transaction.atomic():
        refused = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key=name_under("one", "stargraph-task"))
        transaction.set_rollback(True)
    assert refused.status_code == 400


def test_a_task_whose_answer_was_lost_is_the_answer_even_when_it_would_be_refused_now(somebody: MakeSomebody, settings: Any) -> None:
    someone = somebody(paid=100)
    first = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one").data["data"]["taskId"]
    Idempotency.objects.filter(key="one").delete()
    settings.SENSITIVE_WORDS = ["fox"]
    again = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one")
    assert (again.status_code, again.data["data"]["taskId"], Task.objects.count()) == (200, first, 1)
    assert someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="two").data["code"] == "E006"


def test_a_task_whose_answer_was_lost_is_not_made_twice(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    first = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one").data["data"]["taskId"]
    Idempotency.objects.filter(key="one").delete()  # as if the server had died before it kept the answer
    again = someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key="one").data["data"]["taskId"]
    assert (again, Task.objects.count()) == (first, 1)


def test_it_is_the_same_user_under_every_contract(somebody: MakeSomebody) -> None:
    someone = somebody(paid=100)
    answer = signed_in(someone.user, "studio").client.get("/api/v1/credit/balance")
    assert answer.data["data"]["credit_balance"] == someone.client.get(BALANCE).data["data"]["available"] == 100
