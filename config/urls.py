"""Every door of the platform. A contract that is switched off answers 404 in the catch-all below it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.api.video.urls import urlpatterns as accounts_video
from config.contracts import openapi
from config.contracts.video import views as video
from generation.api.video.urls import urlpatterns as generation_video
from operations.api.video.urls import urlpatterns as operations_video
from payments.api.video.urls import urlpatterns as payments_video


def _parts(prefix: str, *modules: str) -> list[Any]:
    return [path(prefix, include(module)) for module in modules if find_spec(module)]


VIDEO = [*generation_video, *accounts_video, *payments_video, *operations_video]
openapi.CONTRACTS["video"] = openapi.Contract("Atelier video API", "api/", VIDEO)

urlpatterns: list[Any] = [*_parts("", "config.web_urls")]
urlpatterns += _parts("api/v1/", "accounts.api.shared.urls")
if "video" in settings.ENABLED_CONTRACTS:
    urlpatterns += [path("api/", include(VIDEO))]
urlpatterns += [re_path(r"^api(/.*)?$", video.not_found)]
urlpatterns += [
    path("docs/<str:contract>/", openapi.docs),
    path("schema/<str:contract>.yaml", openapi.schema),
    path("admin/", admin.site.urls),
]
urlpatterns += _parts("media/", "generation.web.media_urls")
if settings.DEMO:
    urlpatterns += _parts("sandbox/", "accounts.web.sandbox_urls", "operations.web.sandbox_urls", "payments.web.sandbox_urls")
urlpatterns += _parts("", "operations.web.urls", "accounts.web.urls", "generation.web.urls")
handler404 = "operations.web.views.page_not_found"
handler500 = "operations.web.views.server_error"
