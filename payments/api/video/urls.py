"""Paths below `/api/`. The last one takes what the others leave."""

from django.urls import path

from payments.api.video import views, webhooks

urlpatterns = [
    path("payments/packages", views.PackagesView.as_view()),
    path("payments/stripe/create", views.StripeCreateView.as_view()),
    path("payments/wechat/create", views.WechatCreateView.as_view()),
    path("payments/webhook/stripe", webhooks.StripeNoticeView.as_view()),
    path("payments/webhook/wechat", webhooks.WechatNoticeView.as_view()),
    path("payments/webhook/alipay", webhooks.AlipayNoticeView.as_view()),
    path("payments/webhook/sandbox", webhooks.SandboxNoticeView.as_view()),
    path("payments/<str:payment_id>", views.PaymentView.as_view()),
]
