"""Files: what people uploaded and what engines made."""

from __future__ import annotations

import uuid

from django.db import models

from accounts.models import User


class Asset(models.Model):
    """One stored file of one owner. Private unless `is_public`; reached through signed links."""

    class Source(models.TextChoices):
        UPLOAD = "upload"
        OUTPUT = "output"
        THUMBNAIL = "thumbnail"

    class Kind(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"
        FILE = "file"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assets")
    task = models.ForeignKey("Task", on_delete=models.SET_NULL, null=True, related_name="assets")
    thumbnail = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    source = models.CharField(max_length=10, choices=Source)
    kind = models.CharField(max_length=8, choices=Kind)
    storage_key = models.CharField(max_length=300, unique=True)
    content_type = models.CharField(max_length=60)
    size_bytes = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    is_public = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, help_text="First use by a task; an unused upload is swept after a day.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["user", "-id"], name="asset_user"),
            models.Index(fields=["created_at"], name="asset_orphans", condition=models.Q(used_at__isnull=True)),
        )

    def __str__(self) -> str:
        return self.storage_key
