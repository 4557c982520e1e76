"""What the shared sign-in endpoints take."""

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
