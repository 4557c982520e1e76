"""Routes below /media/."""

from django.urls import path

from generation.web.media import media

urlpatterns = [path("<str:token>/<str:name>", media, name="media")]
