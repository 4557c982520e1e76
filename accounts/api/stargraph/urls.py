"""Routes of this room's part of contract `stargraph`, relative to /api/v1/."""

from django.urls import path

from accounts.api.stargraph import admin
from accounts.api.stargraph.profile import ProfileView

urlpatterns = [
    path("users/profile", ProfileView.as_view()),
    path("admin/users", admin.UsersView.as_view()),
    path("admin/users/<str:user_id>/ban", admin.BanView.as_view()),
    path("admin/users/<str:user_id>/unban", admin.UnbanView.as_view()),
]
