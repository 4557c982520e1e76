"""The services of rooms that every kit needs, found by name: a kit imports the kernel only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from config.kernel.principal import Principal


@cache
def principal_of() -> Callable[..., Principal]:
    """`accounts`' proof of who is asking."""
    found: Callable[..., Principal] = import_string("accounts.services.authentication.principal_of")
    return found


@cache
def idempotency(step: str) -> Callable[..., Any]:
    """`accounts`' claim, store and release of an `Idempotency-Key`."""
    found: Callable[..., Any] = import_string(f"accounts.services.idempotency.idempotency_{step}")
    return found
