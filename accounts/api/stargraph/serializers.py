"""What the profile takes and gives."""

from __future__ import annotations

from typing import Any

from django.core.validators import EmailValidator
from rest_framework import serializers

from config.contracts.stargraph.fields import StrictCharField


class ProfileInput(serializers.Serializer[Any]):
    """What is left out stays."""

    nickname = StrictCharField(max_length=64, allow_blank=True, required=False)
    email = StrictCharField(max_length=254, allow_blank=True, required=False, validators=[EmailValidator()], help_text="Contact text.")
    phone = StrictCharField(max_length=32, allow_blank=True, required=False, help_text="Contact text: a mobile number in any spelling.")
    avatar = StrictCharField(
        allow_blank=True,
        required=False,
        help_text="An address of at most 500 characters, or an image of at most 1 MB in Base64, with or without `data:…;base64,`.",
    )


class ProfileOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    nickname = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    avatar = serializers.CharField(allow_null=True)
    balance = serializers.IntegerField(help_text="Available and frozen credits.")
    vipLevel = serializers.ChoiceField(choices=[0, 1, 2, 3])
    vipExpireTime = serializers.CharField(allow_null=True, help_text="UTC+8, without zone")
    createTime = serializers.CharField(help_text="UTC+8, without zone")
    updateTime = serializers.CharField(help_text="UTC+8, without zone")
