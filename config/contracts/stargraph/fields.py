"""Input fields that take exactly their JSON type."""

from __future__ import annotations

import math
from typing import Any

from rest_framework import serializers

from config.contracts.shared_v1.fields import StrictCharField

__all__ = ["PromptField", "StrictBooleanField", "StrictCharField", "StrictChoiceField", "StrictIntegerField", "StrictNumberField"]


class PromptField(StrictCharField):
    """A text with something in it."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class StrictChoiceField(serializers.ChoiceField):
    """One of the named strings, spelt exactly."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer that the database can hold; a whole multiple of `step`."""

    def __init__(self, *, step: int = 1, **kwargs: Any) -> None:
        super().__init__(**{"min_value": -(2**63), "max_value": 2**63 - 1, **kwargs})
        self.step = step

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        number = super().to_internal_value(data)
        if number % self.step:
            raise serializers.ValidationError(f"应为 {self.step} 的倍数")
        return number


class StrictNumberField(serializers.FloatField):
    """A finite JSON number."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`, nothing that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
