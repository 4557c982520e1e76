"""The permission matrix: every route of the URL conf × caller × status. A route without a row fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.contracts.video.client import VideoClient
from tests.contracts.video.test_examples import MakePerson

pytestmark = pytest.mark.django_db
CALLERS = ("nobody", "wrong_key", "stranger", "owner", "operator")

# (method, path) → status for nobody, for a wrong token and key, for a stranger, the owner and an operator (who is a stranger too)
MATRIX: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("POST", "api/videos/text-to-video"): (401, 401, 200, 200, 200),
    ("POST", "api/videos/image-to-video"): (401, 401, 200, 200, 200),
    ("POST", "api/videos/animate-move"): (401, 401, 200, 200, 200),
    ("POST", "api/videos/animate-mix"): (401, 401, 200, 200, 200),
    ("POST", "api/videos/upload"): (401, 401, 422, 422, 422),
    ("POST", "api/videos/sora/callback"): (404, 404, 404, 404, 404),
    ("GET", "api/videos/tasks/<str:task_id>"): (401, 401, 404, 200, 404),
    ("GET", "api/tasks/user/tasks"): (401, 401, 200, 200, 200),
    ("GET", "api/tasks/<str:task_id>"): (401, 401, 404, 200, 404),
    ("DELETE", "api/tasks/<str:task_id>"): (401, 401, 404, 200, 404),
    ("POST", "api/tasks/<str:task_id>/retry"): (401, 401, 404, 400, 404),
    ("GET", "api/auth/me"): (401, 401, 200, 200, 200),
    ("POST", "api/auth/logout"): (401, 401, 200, 200, 200),
    ("POST", "api/auth/refresh"): (422, 422, 422, 422, 422),
    ("POST", "api/auth/sms/send"): (422, 422, 422, 422, 422),
    ("POST", "api/auth/sms/login"): (422, 422, 422, 422, 422),
    ("POST", "api/auth/google/login"): (422, 422, 422, 422, 422),
    ("GET", "api/users/profile"): (401, 401, 200, 200, 200),
    ("PUT", "api/users/profile"): (401, 401, 200, 200, 200),
    ("GET", "api/users/credits"): (401, 401, 200, 200, 200),
    ("DELETE", "api/users/account"): (401, 401, 200, 200, 200),
    ("GET", "api/payments/packages"): (200, 200, 200, 200, 200),
    ("POST", "api/payments/stripe/create"): (401, 401, 422, 422, 422),
    ("POST", "api/payments/wechat/create"): (401, 401, 422, 422, 422),
    ("GET", "api/payments/<str:payment_id>"): (401, 401, 404, 404, 404),
    ("GET", "api/showcase/videos"): (200, 200, 200, 200, 200),
    ("GET", "api/showcase/videos/<str:video_id>"): (404, 404, 404, 404, 404),
}
PUBLIC_NOTICES = {
    "api/payments/webhook/stripe",
    "api/payments/webhook/sandbox",
    "api/payments/webhook/wechat",
    "api/payments/webhook/alipay",
}
"""Called by gateways without a token; their signatures are tested in tests/payments."""
DEMO_ONLY = {"api/auth/test/login"}
BODIES: dict[str, dict[str, Any]] = {
    "api/videos/text-to-video": {"prompt": "x"},
    "api/videos/image-to-video": {"prompt": "x", "image_urls": ["https://example.com/a.jpg"]},
    "api/videos/animate-move": {"image_url": "https://example.com/a.jpg", "video_url": "https://example.com/a.mp4"},
    "api/videos/animate-mix": {"image_url": "https://example.com/a.jpg", "video_url": "https://example.com/a.mp4"},
    "api/users/profile": {"language": "en"},
}


def routes(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every route of the URL conf with its view."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def test_every_route_of_the_contract_has_a_row() -> None:
    found = {
        (method.upper(), path)
        for path, view in routes()
        if path.startswith("api/") and not path.startswith("api/v1/") and hasattr(view, "view_class")
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view.view_class, method) and path not in PUBLIC_NOTICES | DEMO_ONLY
    }
    assert found == set(MATRIX)


@pytest.fixture
def callers(person: MakePerson) -> dict[str, Any]:
    owner, stranger, operator = person(bonus=1000), person(bonus=1000), person(bonus=1000, is_staff=True)
    task_id = owner.client.post("/api/videos/text-to-video", {"prompt": "mine"}).data["task_id"]
    return {
        "task_id": task_id,
        "nobody": VideoClient(),
        "wrong_key": VideoClient(token="ak_nobody-has-this-key", key="neither-this-one"),
        "stranger": stranger.client,
        "owner": owner.client,
        "operator": operator.client,
    }


@pytest.mark.parametrize("row", sorted(MATRIX), ids=lambda row: " ".join(row))
@pytest.mark.parametrize("caller", CALLERS)
def test_matrix(callers: dict[str, Any], row: tuple[str, str], caller: str) -> None:
    method, route = row
    path = "/" + route.replace("<str:task_id>", callers["task_id"]).replace("<str:payment_id>", callers["task_id"]).replace(
        "<str:video_id>", "999999"
    )
    answer = callers[caller].call(method, path, BODIES.get(route, {}))
    assert answer.status_code == MATRIX[row][CALLERS.index(caller)], answer.data
