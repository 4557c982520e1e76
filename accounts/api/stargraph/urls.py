"""Routes of this room's part of contract `stargraph`, relative to /api/v1/."""

from django.urls import path

from accounts.api.stargraph.profile import ProfileView

urlpatterns = [path("users/profile", ProfileView.as_view())]
