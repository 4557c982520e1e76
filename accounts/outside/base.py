"""What an identity provider does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """Who the provider says it is: its own stable id; the e-mail only when the provider vouches for it is proven."""

    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    avatar_url: str = ""


class CodeRefused(Exception):
    """The provider does not know the code (wrong, spent, expired, or another redirect address)."""


class Unreachable(Exception):
    """The provider does not answer now."""


class Provider(Protocol):
    """Exchanges a one-time code. Raises CodeRefused, Unreachable."""

    def exchange(self, *, code: str, redirect_uri: str, code_verifier: str = "") -> OutsideIdentity: ...
