"""Identities, codes and links: who proved what; no code or token is shown, and none is kept."""

from django.contrib import admin

from accounts.admin.readonly import ReadOnly
from accounts.models import ErasedIdentity, Identity, MailToken, SecondFactor, SmsCode


@admin.register(Identity)
class IdentityAdmin(ReadOnly):
    list_display = ("id", "user", "kind", "subject", "verified_at")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("subject__exact", "user__username")


@admin.register(SmsCode)
class SmsCodeAdmin(ReadOnly):
    list_display = ("id", "phone", "created_at", "expires_at", "wrong_tries", "used_at", "address")
    exclude = ("digest",)
    search_fields = ("phone__exact",)


@admin.register(MailToken)
class MailTokenAdmin(ReadOnly):
    list_display = ("user", "purpose", "address", "created_at", "used_at")
    exclude = ("digest",)
    list_display_links = None
    list_select_related = ("user",)


@admin.register(SecondFactor)
class SecondFactorAdmin(ReadOnly):
    list_display = ("user", "confirmed_at")
    exclude = ("secret", "last_step")
    list_select_related = ("user",)


@admin.register(ErasedIdentity)
class ErasedIdentityAdmin(ReadOnly):
    list_display = ("__str__", "erased_at")
    exclude = ("digest",)
    list_display_links = None
