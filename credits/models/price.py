"""The price list."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credits.states import PriceUnit


class Offer(models.Model):
    """A kind and alias as one contract sells it, e.g. `video/text-to-video` or `skyriff/sora2`."""

    code = models.CharField(max_length=60, primary_key=True)
    is_active = models.BooleanField(default=True, help_text="Off: it cannot be bought.")

    def __str__(self) -> str:
        return self.code


class Price(models.Model):
    """What an offer costs with certain parameters. The most specific matching row of an offer counts."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="prices")
    match = models.JSONField(default=dict, blank=True, help_text='Parameters that it is for, e.g. {"quality": "hd"}; {}: any.')
    amount_credits = models.BigIntegerField()
    unit = models.CharField(max_length=8, choices=PriceUnit, default=PriceUnit.TASK)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["offer", "match"], name="price_unique"),
            models.CheckConstraint(condition=Q(amount_credits__gte=0), name="price_amount"),
            models.CheckConstraint(condition=Q(unit__in=PriceUnit.values), name="price_unit"),
        )

    def __str__(self) -> str:
        return f"{self.amount_credits} credits a {self.unit}"
