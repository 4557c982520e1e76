"""The sandbox routes of this room; mounted at /sandbox/ in demo mode only."""

from django.urls import path

from operations.web import sandbox

urlpatterns = [path("clock", sandbox.move_clock)]
