"""Every door of the platform. A contract that is switched off answers 404 in the catch-all below it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.api.shared.urls import SIGN_IN
from accounts.api.stargraph.urls import urlpatterns as accounts_stargraph
from accounts.api.video.urls import urlpatterns as accounts_video
from config import web
from config.contracts import openapi
from config.contracts.skyriff import views as skyriff
from config.contracts.stargraph.schema import SOCKET
from config.contracts.video import views as video
from credits.api.skyriff.urls import urlpatterns as credits_skyriff
from credits.api.stargraph.urls import urlpatterns as credits_stargraph
from generation.api.stargraph.urls import urlpatterns as generation_stargraph
from generation.api.video.urls import urlpatterns as generation_video
from operations.api.video.urls import urlpatterns as operations_video
from payments.api.skyriff.urls import urlpatterns as payments_skyriff
from payments.api.studio.urls import urlpatterns as payments_studio
from payments.api.video.urls import urlpatterns as payments_video

VIDEO = [*generation_video, *accounts_video, *payments_video, *operations_video]
openapi.CONTRACTS["video"] = openapi.Contract("Atelier video API", "api/", VIDEO)
STARGRAPH = [*accounts_stargraph, *credits_stargraph, *generation_stargraph]
openapi.CONTRACTS["stargraph"] = openapi.Contract("Atelier Star-Graph API", "api/v1/", [*SIGN_IN, *STARGRAPH], SOCKET)
STUDIO = [*payments_studio]
openapi.CONTRACTS["studio"] = openapi.Contract("Atelier studio API", "api/v1/", [*SIGN_IN, *STUDIO])
SKYRIFF = [*credits_skyriff, *payments_skyriff]
openapi.CONTRACTS["skyriff"] = openapi.Contract("Atelier SkyRiff API", "v1/", SKYRIFF)

urlpatterns: list[Any] = [
    path("readyz", web.readyz),
    path("healthz", web.healthz),
    *([path("api/v1/", include(STARGRAPH))] if "stargraph" in settings.ENABLED_CONTRACTS else []),
    *([path("api/v1/", include(STUDIO))] if "studio" in settings.ENABLED_CONTRACTS else []),
    path("api/v1/", include("accounts.api.shared.urls")),
    *([path("api/", include(VIDEO))] if "video" in settings.ENABLED_CONTRACTS else []),
    re_path(r"^api(/.*)?$", video.not_found),
    *([path("v1/", include(SKYRIFF))] if "skyriff" in settings.ENABLED_CONTRACTS else []),
    re_path(r"^v1(/.*)?$", skyriff.unknown),
    path("docs/<str:contract>/", openapi.docs),
    path("schema/<str:contract>.yaml", openapi.schema),
    path("admin/", admin.site.urls),
    path("media/", include("generation.web.media_urls")),
    path("", include("operations.web.urls")),
    path("", include("accounts.web.urls")),
    path("", include("generation.web.urls")),
    path("", include("payments.web.urls")),
]
if settings.DEMO:
    urlpatterns += [
        path("sandbox/", include(module))
        for module in ("accounts.web.sandbox_urls", "operations.web.sandbox_urls", "payments.web.sandbox_urls")
    ]
handler404 = "operations.web.views.page_not_found"
handler500 = "operations.web.views.server_error"
