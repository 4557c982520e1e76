"""What may be read in the console and never changed there."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest


class ReadOnly:
    """Mixed into an admin or an inline: look, do not touch."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may run actions that change something: operators with the right to change rows of this kind."""
        options = self.model._meta  # type: ignore[attr-defined]
        return bool(request.user.has_perm(f"{options.app_label}.change_{options.model_name}"))
