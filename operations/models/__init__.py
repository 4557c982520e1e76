"""The room's tables."""

from operations.models.showcase import ShowcaseVideo

__all__ = ["ShowcaseVideo"]
