"""Engines and the routes that lead to them."""

from __future__ import annotations

from django.db import models

from config.kernel.secrets import SecretField


class Engine(models.Model):
    """One upstream that can make things, through one adapter (`generation/engines/<adapter>`)."""

    name = models.SlugField(unique=True)
    adapter = models.CharField(max_length=40)
    api_base = models.CharField(max_length=300, blank=True)
    api_key = SecretField(purpose="engine", blank=True)
    is_enabled = models.BooleanField(default=True)
    broken_until = models.DateTimeField(null=True, blank=True, help_text="The circuit breaker: no task is given to it before.")
    concurrency = models.PositiveSmallIntegerField(default=2, help_text="Tasks it runs at once.")

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """An alias (the model name clients send) of a kind leads to an engine; lower `order` first."""

    kind = models.CharField(max_length=20)
    alias = models.CharField(max_length=60)
    engine = models.ForeignKey(Engine, on_delete=models.CASCADE, related_name="routes")
    order = models.PositiveSmallIntegerField(default=0)
    weight = models.PositiveSmallIntegerField(default=1)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["kind", "alias", "engine"], name="route_unique"),)

    def __str__(self) -> str:
        return f"{self.kind}/{self.alias} → {self.engine_id}"
