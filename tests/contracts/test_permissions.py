"""The permission matrices of `skyriff`, `stargraph` and `studio`: every route of the URL conf × caller × status. A route without a row fails."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.services.session import session_open
from accounts.services.user import user_ban
from tests.conftest import UserFactory
from tests.contracts.client import ContractClient
from tests.contracts.people import by_key, signed_in
from tests.contracts.video.test_permissions import routes

pytestmark = pytest.mark.django_db
CALLERS = ("nobody", "wrong_token", "banned", "user", "operator", "key", "key_without_scope")
KINDS = ("text2img", "img2img", "upscale", "pose", "text2video", "img2video")
GENERATING = (401, 401, 403, 200, 200, 200, 200)
"""What the scope `generation` opens, which is the only one of `key_without_scope`."""
OPERATORS = (401, 401, 403, 403, 200, 403, 403)
OPEN, SIGNED, SESSION = (200,) * 7, (401, 401, 403, 200, 200, 200, 403), (401, 401, 403, 200, 200, 403, 403)


def of(row: tuple[int, ...], answer: int) -> tuple[int, ...]:
    """The row, where whoever may ask gets `answer`."""
    return tuple(answer if status == 200 else status for status in row)


# (method, path) → status for every caller; a body is empty, so what is posted is 400 for those who may ask
MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "v1/me/wallets"): SIGNED,
    ("GET", "v1/wallet/ledgers"): SIGNED,
    ("GET", "v1/products"): OPEN,
    ("POST", "v1/payments/create"): of(SIGNED, 400),
    ("POST", "v1/payments/callback"): of(OPEN, 403),
    ("GET", "v1/subscriptions/me"): SIGNED,
    ("POST", "v1/subscriptions/buy"): of(SIGNED, 400),
    ("POST", "v1/subscriptions/claim_daily"): of(SIGNED, 403),
    ("POST", "v1/withdrawals/create"): of(SESSION, 400),
    ("GET", "v1/withdrawals/me"): SESSION,
    ("GET", "api/v1/users/profile"): SIGNED,
    ("PUT", "api/v1/users/profile"): SIGNED,
    ("GET", "api/v1/users/balance"): SIGNED,
    ("GET", "api/v1/users/fund-records"): SIGNED,
    **{("POST", f"api/v1/generate/{kind}"): of(GENERATING, 400) for kind in KINDS},
    ("GET", "api/v1/tasks"): SIGNED,
    ("GET", "api/v1/tasks/<str:task_id>"): of(SIGNED, 404),
    ("DELETE", "api/v1/tasks/<str:task_id>"): of(SIGNED, 404),
    ("POST", "api/v1/tasks/<str:task_id>/retry"): of(GENERATING, 404),
    ("GET", "api/v1/resources/models"): GENERATING,
    ("GET", "api/v1/resources/samplers"): GENERATING,
    ("GET", "api/v1/resources/schedulers"): GENERATING,
    ("POST", "api/v1/resources/upload"): of(GENERATING, 400),
    ("GET", "api/v1/admin/queue"): OPERATORS,
    ("GET", "api/v1/admin/engines"): OPERATORS,
    ("GET", "api/v1/admin/users"): OPERATORS,
    ("POST", "api/v1/admin/users/<str:user_id>/ban"): of(OPERATORS, 400),
    ("POST", "api/v1/admin/users/<str:user_id>/unban"): of(OPERATORS, 404),
    ("POST", "api/v1/credit/recharge"): of(SIGNED, 400),
    ("POST", "api/v1/credit/membership"): of(SIGNED, 400),
    ("POST", "api/v1/credit/payment/callback"): of(OPEN, 403),
    ("GET", "api/v1/credit/balance"): SIGNED,
    ("GET", "api/v1/credit/transactions"): SIGNED,
    ("GET", "api/v1/credit/recharge/orders"): SIGNED,
    ("GET", "api/v1/credit/membership/orders"): SIGNED,
}


def test_every_route_of_these_contracts_has_a_row() -> None:
    found = {
        (method.upper(), path)
        for path, view in routes()
        if path.startswith(("v1/", "api/v1/")) and not path.startswith("api/v1/auth/") and hasattr(view, "view_class")
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view.view_class, method)
    }
    assert found == set(MATRIX)


def contract_of(path: str) -> str:
    if path.startswith("v1/"):
        return "skyriff"
    return "studio" if path.startswith("api/v1/credit/") else "stargraph"


def address_of(path: str) -> str:
    """The route with a task or user in it that nobody has."""
    return "/" + path.replace("<str:task_id>", "t2i_20241002_123456").replace("<str:user_id>", "999999999999")


def client_of(caller: str, contract: str, user_factory: UserFactory) -> ContractClient:
    user = user_factory(is_staff=caller == "operator")
    match caller:
        case "nobody":
            return ContractClient(contract)
        case "wrong_token":
            return ContractClient(contract, "ak_nobody-has-this-key")
        case "key":
            return by_key(user, contract)
        case "key_without_scope":
            return by_key(user, contract, ["generation"])
        case "banned":
            client = by_key(user, contract)
            user_ban(user_id=user.pk, banned=True)
            return client
        case _:
            return signed_in(user, contract).client


@pytest.mark.parametrize("row", sorted(MATRIX), ids=lambda row: " ".join(row))
@pytest.mark.parametrize("caller", CALLERS)
def test_matrix(row: tuple[str, str], caller: str, user_factory: UserFactory, settings: Any) -> None:
    settings.DEMO = True
    method, path = row
    answer = client_of(caller, contract_of(path), user_factory).call(method, address_of(path), {} if method in ("POST", "PUT") else None)
    assert answer.status_code == MATRIX[row][CALLERS.index(caller)], answer.data


@pytest.mark.parametrize("row", sorted(MATRIX), ids=lambda row: " ".join(row))
def test_a_wrong_method_is_405_and_says_which_is_right(row: tuple[str, str]) -> None:
    method, path = row
    answer = ContractClient(contract_of(path)).call("PATCH", address_of(path), {})
    right = {each for each, other in MATRIX if other == path}
    assert method in right
    assert (answer.status_code, set(answer["Allow"].split(", "))) == (405, right)
    assert answer.data["code"] == (2405 if contract_of(path) == "skyriff" else 405)


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/payments", "/v1/payments/create/", "/v1/%2e%2e/admin", "/v1/products/1"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_unknown_paths_answer_in_skyriffs_envelope(path: str, method: str) -> None:
    answer = ContractClient("skyriff").http.generic(method, path)
    assert (answer.status_code, answer.json()) == (404, {"code": 2000, "message": "资源不存在", "data": None})
    assert answer["X-Request-ID"]


@pytest.mark.parametrize("path", ["/api/v1/credit", "/api/v1/credit/", "/api/v1/credit/nothing", "/api/v1/credit/recharge/orders/1"])
def test_unknown_paths_under_the_shop_answer_in_the_union(path: str) -> None:
    answer = ContractClient("studio").http.get(path)
    assert (answer.status_code, set(answer.json())) == (404, {"code", "message", "data", "timestamp", "requestId"})


@pytest.mark.parametrize("row", sorted(row for row in MATRIX if row[1].startswith("api/v1/admin/")), ids=lambda row: " ".join(row))
def test_operators_need_a_second_factor_outside_demo_mode_and_never_come_by_key(
    row: tuple[str, str], user_factory: UserFactory, settings: Any
) -> None:
    settings.DEMO = False
    operator, (method, path) = user_factory(is_staff=True), row
    body: dict[str, Any] | None = {} if method == "POST" else None
    for client in (signed_in(operator, "stargraph").client, by_key(operator, "stargraph")):
        answer = client.call(method, address_of(path), body)
        assert (answer.status_code, answer.data["code"], answer.data["message"]) == (403, 403, "无权限")
    shown = session_open(user=operator, form="header", access_life_s=60, refresh_life_s=60, second_factor=True).access_token
    answer = ContractClient("stargraph", shown).call(method, address_of(path), body)
    assert answer.status_code == MATRIX[row][CALLERS.index("operator")]
