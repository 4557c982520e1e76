"""Paths below `/api/`."""

from django.urls import path

from operations.api.video import showcase

urlpatterns = [
    path("showcase/videos", showcase.ShowcaseView.as_view()),
    path("showcase/videos/<str:video_id>", showcase.ShowcaseVideoView.as_view()),
]
