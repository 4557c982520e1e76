"""Which provider exchanges a code."""

from __future__ import annotations

from django.conf import settings

from accounts.outside.base import Provider
from accounts.outside.google import GoogleProvider
from accounts.outside.sandbox import PREFIX, SandboxProvider
from config.kernel.errors import NotConfigured


def google(code: str) -> Provider:
    """Google where it is configured; in demo mode the sandbox for its own codes, and for all without Google. Raises NotConfigured."""
    if settings.DEMO and (code.startswith(PREFIX) or not settings.GOOGLE_CLIENT_ID):
        return SandboxProvider("google")
    if not settings.GOOGLE_CLIENT_ID:
        raise NotConfigured(service="google")
    return GoogleProvider()
