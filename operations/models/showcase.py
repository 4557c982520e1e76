"""The showcase: videos that operators chose for the first page."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from generation.models import Asset


class ShowcaseVideo(models.Model):
    """One video on show; `display_order` puts the higher first. Its poster is the asset's thumbnail."""

    title = models.CharField(max_length=120)
    title_en = models.CharField(max_length=120, blank=True)
    description = models.TextField(max_length=1000, blank=True)
    description_en = models.TextField(max_length=1000, blank=True)
    prompt = models.TextField(max_length=5000, blank=True, help_text=_("What its maker wrote; visitors may try it themselves."))
    video = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", limit_choices_to={"kind": "video"})
    view_count = models.PositiveBigIntegerField(default=0, editable=False)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    display_order = models.IntegerField(default=0, help_text=_("Higher stands earlier."))
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-display_order", "-id"], name="showcase_shown", condition=models.Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.title
