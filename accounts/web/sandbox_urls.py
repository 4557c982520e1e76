"""The sandbox routes of this room; mounted at /sandbox/ in demo mode only."""

from django.urls import path

from accounts.web import sandbox

urlpatterns = [path("identity/google", sandbox.google)]
