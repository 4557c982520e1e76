"""What the contract's sign-in and user endpoints take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.services.user import LANGUAGES
from config.contracts.video.fields import StrictCharField, StrictChoiceField


class GoogleLogin(serializers.Serializer[Any]):
    code = StrictCharField(max_length=2048)
    redirect_uri = StrictCharField(max_length=2000, required=False, allow_null=True)
    code_verifier = StrictCharField(max_length=128, required=False, allow_null=True)


class Refresh(serializers.Serializer[Any]):
    refresh_token = StrictCharField(max_length=2048)


class SmsSend(serializers.Serializer[Any]):
    phone_number = StrictCharField(max_length=32)


class SmsLogin(serializers.Serializer[Any]):
    phone_number = StrictCharField(max_length=32)
    code = StrictCharField(max_length=16)
    username = StrictCharField(max_length=50, required=False, allow_null=True)


class TestLogin(serializers.Serializer[Any]):
    username = StrictCharField(max_length=64, required=False, allow_null=True)


class ProfileChange(serializers.Serializer[Any]):
    username = StrictCharField(min_length=3, max_length=50, required=False)
    avatar_url = StrictCharField(max_length=500, allow_blank=True, required=False, allow_null=True)
    language = StrictChoiceField(choices=LANGUAGES, required=False)


class TokensOut(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds.")
    account_restored = serializers.BooleanField(required=False, help_text="Only after a sign-in that took a deletion back.")


class SentOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    phone_number = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    remaining_requests = serializers.IntegerField()


class MessageOut(serializers.Serializer[Any]):
    message = serializers.CharField()


class MeOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField(allow_null=True)
    phone_number = serializers.CharField(allow_null=True)
    username = serializers.CharField()
    credits = serializers.IntegerField()
    avatar_url = serializers.CharField(allow_null=True)
    region = serializers.CharField()


class ProfileOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField(allow_blank=True)
    username = serializers.CharField()
    avatar_url = serializers.CharField(allow_null=True)
    region = serializers.CharField()
    language = serializers.CharField()
    credits = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    last_login_at = serializers.DateTimeField(allow_null=True)


class CreditsOut(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    credits = serializers.IntegerField()
    total_earned = serializers.IntegerField()
    total_spent = serializers.IntegerField()
