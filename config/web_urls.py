from django.urls import path

from config.web import healthz, readyz

urlpatterns = [path("readyz", readyz), path("healthz", healthz)]
