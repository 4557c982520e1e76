"""What the contract's video and task endpoints take and give (documents 000 §3–4, 001 §2–3)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.contracts.video.fields import StrictBooleanField, StrictCharField, StrictChoiceField

ADDRESS_MAX = 2000
PROMPT_MAX = 5000


class _Webhook(serializers.Serializer[Any]):
    webhook_url = StrictCharField(max_length=ADDRESS_MAX, required=False, allow_null=True, allow_blank=True)


class PromptField(StrictCharField):
    """A text with something in it."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class TextToVideoInput(_Webhook):
    prompt = PromptField(max_length=PROMPT_MAX)
    aspect_ratio = StrictChoiceField(["landscape", "portrait"], default="landscape")
    quality = StrictChoiceField(["standard", "hd"], default="standard")


class ImageToVideoInput(TextToVideoInput):
    image_urls = serializers.ListField(child=StrictCharField(max_length=ADDRESS_MAX), min_length=1, max_length=10)


class AnimateInput(_Webhook):
    image_url = StrictCharField(max_length=ADDRESS_MAX)
    video_url = StrictCharField(max_length=ADDRESS_MAX)
    check_image = StrictBooleanField(default=True)
    mode = StrictChoiceField(["wan-std", "wan-pro"], default="wan-std")


class AnimateOutput(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    task_id = serializers.UUIDField()
    message = serializers.CharField()
    estimated_time = serializers.IntegerField(help_text="Seconds.")


class CreatedOutput(AnimateOutput):
    credits_estimated = serializers.IntegerField()


class TaskStatusOutput(serializers.Serializer[Any]):
    task_id = serializers.UUIDField()
    status = serializers.ChoiceField(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"])
    progress = serializers.FloatField(help_text="0–100.")
    result_url = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class TaskOutput(serializers.Serializer[Any]):
    task_id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    task_type = serializers.CharField()
    status = serializers.ChoiceField(["pending", "processing", "completed", "failed"])
    progress = serializers.FloatField(help_text="0–100.")
    result_url = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class TaskPageOutput(serializers.Serializer[Any]):
    tasks = TaskOutput(many=True)
    total = serializers.IntegerField(help_text="Counted exactly up to 10,000.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()


class CancelOutput(serializers.Serializer[Any]):
    message = serializers.CharField()


class RetryOutput(serializers.Serializer[Any]):
    message = serializers.CharField()
    task_id = serializers.UUIDField()
    new_task_id = serializers.UUIDField()
    original_task_id = serializers.UUIDField()
