"""The examples of documents 000 and 001 about people, payments and the showcase, every answer held against the schema."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from credits.selectors.wallet import balance_of
from generation.models import Asset
from operations.services.showcase import showcase_add
from tests.contracts.video.client import VideoClient
from tests.contracts.video.test_examples import TIME, UUID, MakePerson

pytestmark = pytest.mark.django_db
TOKENS = {"access_token", "refresh_token", "token_type", "expires_in"}


def texts_to(phone: str) -> list[dict[str, Any]]:
    """The text messages that the demo's gateway wrote for an E.164 number."""
    path = Path(django_settings.DATA_DIR) / "sms" / f"{phone}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def sms_sign_in(phone: str = "86-13800138000", **fields: str) -> Any:
    client = VideoClient()
    client.post("/api/auth/sms/send", {"phone_number": phone})
    code = texts_to("+" + phone.replace("-", ""))[-1]["code"]
    return client.post("/api/auth/sms/login", {"phone_number": phone, "code": code, **fields})


def test_sms_send_example() -> None:
    answer = VideoClient().post("/api/auth/sms/send", {"phone_number": "86-13800138000"}).data
    assert answer == {
        "message": "Verification code sent successfully", "phone_number": "86-13800138000", "expires_in": 300, "remaining_requests": 4,
    }  # fmt: skip
    assert re.fullmatch(r"\d{6}", texts_to("+8613800138000")[-1]["code"])


def test_sms_login_example_registers_with_the_gift() -> None:
    answer = sms_sign_in(username="张三")
    assert answer.status_code == 200
    assert set(answer.data) == TOKENS
    assert (answer.data["token_type"], answer.data["expires_in"]) == ("bearer", 86400)
    me = VideoClient(answer.data["access_token"]).get("/api/auth/me").data
    assert (me["username"], me["credits"], me["phone_number"], me["region"]) == ("张三", 100, "86-13800138000", "CN")
    assert re.fullmatch(UUID, me["id"])


def test_a_wrong_code_is_401_and_makes_nobody() -> None:
    client = VideoClient()
    client.post("/api/auth/sms/send", {"phone_number": "86-13800138000"})
    code = texts_to("+8613800138000")[-1]["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    answer = client.post("/api/auth/sms/login", {"phone_number": "86-13800138000", "code": wrong})
    assert (answer.status_code, set(answer.data)) == (401, {"detail"})


def test_refresh_example_rotates_and_a_reused_token_ends_the_session() -> None:
    first = sms_sign_in().data
    second = VideoClient().post("/api/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert set(second.data) == TOKENS
    assert VideoClient(second.data["access_token"]).get("/api/auth/me").status_code == 200
    assert VideoClient().post("/api/auth/refresh", {"refresh_token": first["refresh_token"]}).status_code == 401
    assert VideoClient(second.data["access_token"]).get("/api/auth/me").status_code == 401


def test_logout_example_holds_at_once() -> None:
    client = VideoClient(sms_sign_in().data["access_token"])
    assert client.post("/api/auth/logout").data == {"message": "Successfully logged out"}
    assert client.get("/api/auth/me").status_code == 401


def test_profile_examples() -> None:
    client = VideoClient(sms_sign_in(username="john_doe").data["access_token"])
    profile = client.get("/api/users/profile").data
    assert set(profile) == {
        "id", "email", "username", "avatar_url", "region", "language", "credits", "created_at", "last_login_at",
    }  # fmt: skip
    assert re.fullmatch(TIME, profile["created_at"])
    change = {"username": "new_username", "avatar_url": "https://example.com/new-avatar.jpg", "language": "en"}
    changed = client.put("/api/users/profile", change).data
    assert {name: changed[name] for name in change} == change
    assert client.put("/api/users/profile", {"username": "ab"}).status_code == 422
    assert client.put("/api/users/profile", {"language": "xx"}).status_code == 422
    assert client.get("/api/users/profile").data["username"] == "new_username"


def test_credits_example(person: MakePerson) -> None:
    someone = person(bonus=100)
    someone.client.post("/api/videos/text-to-video", {"prompt": "x"})
    assert someone.client.get("/api/users/credits").data == {
        "user_id": str(someone.user.uuid), "credits": 80, "total_earned": 100, "total_spent": 20,
    }  # fmt: skip


def test_account_example_restores_at_the_next_sign_in() -> None:
    client = VideoClient(sms_sign_in().data["access_token"])
    assert client.delete("/api/users/account").data == {
        "message": "Account deletion requested. Your account will be deleted within 30 days."
    }
    assert client.get("/api/users/profile").status_code == 401
    again = sms_sign_in()
    assert again.data["account_restored"] is True
    assert VideoClient(again.data["access_token"]).get("/api/auth/me").data["credits"] == 100


def test_packages_example() -> None:
    answer = VideoClient().get("/api/payments/packages").data
    assert answer["credit_value_rmb"] == 0.1
    assert answer["packages"]["standard"] == {
        "name": "标准包", "credits": 1100, "price": 100.0, "currency": "CNY", "unit_price": 0.091,
    }  # fmt: skip
    assert list(answer["packages"]) == ["trial", "standard", "value", "premium"]


def test_stripe_and_payment_examples_to_the_credits(person: MakePerson) -> None:
    someone = person()
    body = {"package": "standard", "return_url": "https://sparkvideo.cc/payment/success"}
    made = someone.client.post("/api/payments/stripe/create", body).data
    assert re.fullmatch(UUID, made["payment_id"])
    assert (made["status"], made["amount"], made["currency"], made["credits_purchased"]) == ("pending", 100.0, "CNY", 1100)
    read = someone.client.get(f"/api/payments/{made['payment_id']}").data
    assert (read["status"], read["paid_at"], read["payment_url"]) == ("pending", None, made["payment_url"])
    paid = someone.client.http.post(f"/sandbox/pay/{made['payment_id']}", {"outcome": "paid"}, content_type="application/json")
    assert paid.status_code in (200, 302)
    read = someone.client.get(f"/api/payments/{made['payment_id']}").data
    assert read["status"] == "succeeded"
    assert re.fullmatch(TIME, read["paid_at"])
    assert balance_of(someone.user.pk).available == 1100


def test_wechat_create_answers_like_stripe_with_code_url(person: MakePerson) -> None:
    made = person().client.post("/api/payments/wechat/create", {"amount": 50, "currency": "CNY", "credits": 500}).data
    assert set(made) >= {"payment_id", "status", "amount", "currency", "credits_purchased", "payment_url", "code_url"}
    refused = person().client.post("/api/payments/wechat/create", {"amount": 50, "currency": "CNY", "credits": 5000})
    assert (refused.status_code, set(refused.data)) == (400, {"detail"})


def test_somebody_elses_payment_is_not_found(person: MakePerson) -> None:
    made = person().client.post("/api/payments/stripe/create", {"package": "trial"}).data
    assert person().client.get(f"/api/payments/{made['payment_id']}").status_code == 404


def test_showcase_examples(person: MakePerson) -> None:
    owner = person().user
    now = dt.datetime.now(dt.UTC)
    video = Asset.objects.create(
        user=owner, source="output", kind="video", storage_key="outputs/x.mp4", content_type="video/mp4", size_bytes=1,
        sha256=b"\0" * 32, width=1280, height=720, duration_ms=10_000, created_at=now,
    )  # fmt: skip
    shown = showcase_add(
        video=video, title="Beautiful Sunset", description="A stunning sunset", tags=("sunset",), display_order=100, at=now
    )
    page = VideoClient().get("/api/showcase/videos?page=1&page_size=12").data
    assert {name: page[name] for name in ("total", "page", "page_size", "total_pages")} == {
        "total": 1, "page": 1, "page_size": 12, "total_pages": 1,
    }  # fmt: skip
    assert page["videos"][0]["title"] == "Beautiful Sunset"
    before = page["videos"][0]["view_count"]
    one = VideoClient().get(f"/api/showcase/videos/{shown.pk}").data
    assert (one["view_count"], one["duration"], one["display_order"], one["is_active"]) == (before + 1, 10, 100, True)
    assert VideoClient().get("/api/showcase/videos/999999").status_code == 404
    assert VideoClient().get("/api/showcase/videos/x").status_code in (404, 422)
