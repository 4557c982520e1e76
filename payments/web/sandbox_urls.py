"""Paths below `/sandbox/` (demo mode only)."""

from django.urls import path

from payments.web import sandbox, sandbox_transfer

urlpatterns = [
    path("pay/<str:payment_id>", sandbox.pay, name="sandbox_pay"),
    path("pay/<str:payment_id>/code.svg", sandbox.code, name="sandbox_code"),
    path("dispute/<str:payment_id>", sandbox.dispute, name="sandbox_dispute"),
    path("refund/<str:payment_id>", sandbox.refund, name="sandbox_refund"),
    path("transfer/<uuid:transfer_id>", sandbox_transfer.transfer, name="sandbox_transfer"),
]
