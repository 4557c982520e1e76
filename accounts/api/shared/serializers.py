"""What the shared sign-in endpoints take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.contracts.shared_v1.fields import StrictCharField


class Register(serializers.Serializer[Any]):
    username = StrictCharField(max_length=64)
    email = StrictCharField(max_length=254, required=False, allow_blank=True, default="")
    password = StrictCharField(max_length=128)
    referral_code = StrictCharField(max_length=32, required=False, allow_blank=True, allow_null=True)


class Login(serializers.Serializer[Any]):
    username = StrictCharField(max_length=254)
    password = StrictCharField(max_length=128)
    otp = StrictCharField(max_length=16, required=False, allow_null=True)


class UserOut(serializers.Serializer[Any]):
    """A user in both documents' words."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    credit_balance = serializers.IntegerField(help_text="Available credits.")
    is_member = serializers.BooleanField()
    membership_type = serializers.CharField(allow_null=True)
    membership_end_date = serializers.CharField(allow_null=True, help_text="UTC+8, without zone")
    referral_code = serializers.CharField()
    nickname = serializers.CharField()
    avatar = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(choices=["USER", "ADMIN"])
    vipLevel = serializers.ChoiceField(choices=[0, 1, 2, 3])


class RegisterOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    credit_balance = serializers.IntegerField()
    is_member = serializers.BooleanField()
    referral_code = serializers.CharField()
    referral_accepted = serializers.BooleanField(required=False)


class AccessOut(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiresIn = serializers.IntegerField(help_text="Seconds.")
    access_token = serializers.CharField(help_text="The same as `token`.")
    token_type = serializers.ChoiceField(choices=["bearer"])


class LoginOut(AccessOut):
    refreshToken = serializers.CharField(help_text="Lives 7 days and stays the same.")
    refresh_token = serializers.CharField(help_text="The same as `refreshToken`.")
    user = UserOut()
    account_restored = serializers.BooleanField(required=False)
