"""The room in the console."""

from operations.admin.showcase import ShowcaseVideoAdmin

__all__ = ["ShowcaseVideoAdmin"]
