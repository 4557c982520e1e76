"""Routes of this room's part of contract `video`, relative to /api/."""

from django.conf import settings
from django.urls import path

from accounts.api.video import sign_in, users

urlpatterns = [
    path("auth/google/login", sign_in.GoogleLoginView.as_view()),
    path("auth/sms/send", sign_in.SmsSendView.as_view()),
    path("auth/sms/login", sign_in.SmsLoginView.as_view()),
    path("auth/refresh", sign_in.RefreshView.as_view()),
    path("auth/logout", sign_in.LogoutView.as_view()),
    path("auth/me", users.MeView.as_view()),
    path("users/profile", users.ProfileView.as_view()),
    path("users/credits", users.CreditsView.as_view()),
    path("users/account", users.AccountView.as_view()),
]
if settings.DEMO:
    urlpatterns.append(path("auth/test/login", sign_in.TestLoginView.as_view()))
