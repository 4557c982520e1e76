"""The room in the console."""

from credits.admin import ledger, rules

__all__ = ["ledger", "rules"]
