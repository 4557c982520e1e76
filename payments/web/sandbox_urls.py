"""Paths below `/sandbox/` (demo mode only)."""

from django.urls import path

from payments.web import sandbox

urlpatterns = [path("pay/<uuid:payment_id>", sandbox.pay, name="sandbox_pay")]
