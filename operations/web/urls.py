"""Pages of the house itself."""

from django.urls import path

from operations.web import pricing, views

urlpatterns = [
    path("", views.home, name="home"),
    path("pricing", pricing.pricing, name="pricing"),
    path("showcase/<int:number>", views.showcase, name="showcase"),
    path("language/<str:lang>", views.language, name="language"),
    path("theme", views.theme, name="theme"),
]
