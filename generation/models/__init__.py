"""The room's tables."""

from generation.models.asset import Asset
from generation.models.engine import Engine, Route
from generation.models.moderation import ModerationHit
from generation.models.task import Attempt, Task

__all__ = ["Asset", "Attempt", "Engine", "ModerationHit", "Route", "Task"]
