"""Routes of the shared sign-in, relative to /api/v1/, and the catch-all of what neither contract has there."""

from django.conf import settings
from django.urls import path, re_path

from accounts.api.shared import auth
from config.contracts.shared_v1.views import unknown

SIGN_IN = [
    path("auth/register", auth.RegisterView.as_view()),
    path("auth/login", auth.LoginView.as_view()),
    path("auth/refresh", auth.RefreshView.as_view()),
    path("auth/logout", auth.LogoutView.as_view()),
    path("auth/me", auth.MeView.as_view()),
]
urlpatterns = [*(SIGN_IN if settings.ENABLED_CONTRACTS & {"stargraph", "studio"} else []), re_path(r"^.*$", unknown)]
