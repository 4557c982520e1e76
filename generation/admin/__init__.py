"""The room in Django's admin."""

from generation.admin.asset import AssetAdmin
from generation.admin.engine import EngineAdmin, RouteAdmin
from generation.admin.moderation import ModerationHitAdmin
from generation.admin.task import TaskAdmin

__all__ = ["AssetAdmin", "EngineAdmin", "ModerationHitAdmin", "RouteAdmin", "TaskAdmin"]
