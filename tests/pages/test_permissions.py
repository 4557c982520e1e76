"""The permission matrix of what is no contract: every route of the URL conf × caller. A route without a row fails."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.conftest import UserFactory
from tests.contracts.video.test_permissions import routes

pytestmark = pytest.mark.django_db
STRANGE = str(uuid4())
# path → status of GET and POST for nobody and for a signed-in stranger; 302 leads nobody to the sign-in page
MATRIX: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "readyz": ((200, 405), (200, 405)),
    "healthz": ((200, 405), (200, 405)),
    "api/v1/auth/register": ((405, 400), (405, 400)),
    "api/v1/auth/login": ((405, 400), (405, 400)),
    "api/v1/auth/refresh": ((405, 401), (405, 401)),
    "api/v1/auth/logout": ((405, 401), (405, 401)),
    "api/v1/auth/me": ((401, 405), (401, 405)),
    "api/v1/^.*$": ((404, 400), (404, 400)),
    "^api(/.*)?$": ((404, 404), (404, 404)),
    "^v1(/.*)?$": ((404, 404), (404, 404)),
    "docs/<str:contract>/": ((200, 200), (200, 200)),
    "schema/<str:contract>.yaml": ((200, 200), (200, 200)),
    "media/<str:token>/<str:name>": ((404, 405), (404, 405)),
    "": ((200, 405), (200, 405)),
    "showcase/<int:number>": ((404, 405), (404, 405)),
    "language/<str:lang>": ((302, 405), (302, 405)),
    "theme": ((405, 302), (405, 302)),
    "sign-in": ((200, 422), (302, 422)),
    "sign-in/google": ((404, 405), (404, 405)),
    "sign-in/google/back": ((302, 405), (302, 405)),
    "sign-out": ((405, 302), (405, 302)),
    "password/forgotten": ((200, 422), (200, 422)),
    "account": ((302, 302), (200, 422)),
    "account/password": ((405, 302), (405, 422)),
    "account/password/reset": ((200, 422), (200, 422)),
    "account/email": ((405, 302), (405, 302)),
    "account/email/prove": ((302, 302), (200, 422)),
    "account/delete": ((405, 302), (405, 302)),
    "account/keys": ((302, 302), (200, 422)),
    "account/keys/<int:key_id>/revoke": ((405, 302), (405, 302)),
    "account/sessions": ((302, 302), (200, 302)),
    "account/sessions/<uuid:session_id>/end": ((405, 302), (405, 302)),
    "account/webhooks": ((302, 405), (200, 405)),
    "account/webhooks/<uuid:delivery_id>/replay": ((405, 302), (405, 302)),
    "create": ((302, 302), (200, 422)),
    "create/quote": ((302, 405), (200, 405)),
    "create/uploads": ((405, 302), (405, 422)),
    "create/tasks/<uuid:task_uuid>": ((302, 405), (404, 405)),
    "tasks/<uuid:task_uuid>": ((302, 405), (404, 405)),
    "tasks/<uuid:task_uuid>/cancel": ((405, 302), (405, 404)),
    "tasks/<uuid:task_uuid>/retry": ((405, 302), (405, 404)),
    "tasks/<uuid:task_uuid>/late": ((405, 302), (405, 404)),
    "history": ((302, 405), (200, 405)),
    "wallet": ((302, 405), (200, 405)),
    "wallet/claim": ((405, 302), (405, 302)),
    "wallet/withdraw": ((302, 302), (200, 422)),
    "buy": ((302, 302), (404, 404)),
    "pay/<uuid:order_uuid>/": ((302, 405), (404, 405)),
    "pay/<uuid:order_uuid>/code.svg": ((302, 405), (404, 405)),
    "orders": ((302, 405), (200, 405)),
    "orders/<uuid:order_uuid>": ((302, 405), (404, 405)),
    "orders/<uuid:order_uuid>/refund": ((405, 302), (405, 404)),
    "orders/<uuid:order_uuid>/receipt": ((302, 405), (404, 405)),
    "orders/<uuid:order_uuid>/receipt.pdf": ((302, 405), (404, 405)),
    "pricing": ((200, 405), (200, 405)),
    "sandbox/identity/google": ((405, 422), (405, 422)),
    "sandbox/clock": ((405, 401), (405, 401)),
    "sandbox/pay/<str:payment_id>": ((404, 422), (404, 422)),
    "sandbox/pay/<str:payment_id>/code.svg": ((404, 405), (404, 405)),
    "sandbox/dispute/<str:payment_id>": ((405, 422), (405, 422)),
    "sandbox/refund/<str:payment_id>": ((405, 422), (405, 422)),
    "sandbox/transfer/<uuid:transfer_id>": ((404, 422), (404, 422)),
}


ELSEWHERE = ("admin/", "api/", "v1/")
SHARED = ("api/v1/auth/", "api/v1/^")
"""The console's routes, and the contracts', which have matrices of their own; the shared sign-in stands here."""


def test_every_route_has_a_row() -> None:
    found = {path for path, _ in routes() if not path.startswith(ELSEWHERE) or path.startswith(SHARED)}
    assert found == set(MATRIX)


def path_of(route: str) -> str:
    """A path that the route matches and that names nothing of the caller's."""
    named = {
        "api/v1/^.*$": "api/v1/nothing",
        "^api(/.*)?$": "api/nothing",
        "^v1(/.*)?$": "v1/nothing",
        "docs/<str:contract>/": "docs/video/",
        "schema/<str:contract>.yaml": "schema/video.yaml",
        "media/<str:token>/<str:name>": f"media/x.y/{STRANGE}.mp4",
        "language/<str:lang>": "language/en",
    }
    path = named.get(route, route)
    for converter in (
        "<str:payment_id>",
        "<uuid:transfer_id>",
        "<uuid:session_id>",
        "<uuid:delivery_id>",
        "<uuid:task_uuid>",
        "<uuid:payment_id>",
        "<uuid:order_uuid>",
    ):
        path = path.replace(converter, STRANGE)
    return "/" + path.replace("<int:number>", "999999").replace("<int:key_id>", "999999")


@pytest.mark.parametrize("route", sorted(MATRIX))
def test_matrix(route: str, user_factory: UserFactory, settings: Any) -> None:
    from accounts.web.session import page_sign_in

    def statuses(client: Client) -> tuple[int, int]:
        return client.get(path_of(route)).status_code, client.post(path_of(route)).status_code

    stranger = Client()
    request: Any = stranger.get("/sign-in").wsgi_request
    page_sign_in(request, user_factory("somebody"))
    request.session.save()
    stranger.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    assert (statuses(Client()), statuses(stranger)) == MATRIX[route]
