"""The sandbox provider of demo mode: it gives out codes and takes each back once, within ten minutes."""

from __future__ import annotations

import orjson

from accounts.outside.base import CodeRefused, OutsideIdentity
from config.kernel.ids import digest, secret_token
from config.kernel.redis import client

PREFIX = "sandbox-"
CODE_LIFE_S = 600


def _key(provider: str, code: str) -> str:
    return f"sandbox:identity:{provider}:{digest(code).hex()}"


def code_issue(provider: str, *, subject: str, email: str) -> str:
    """A one-time code that stands for this person of the sandbox; a given e-mail counts as proven."""
    code = secret_token(PREFIX, 24)
    client().set(_key(provider, code), orjson.dumps({"subject": subject, "email": email}), ex=CODE_LIFE_S)
    return code


class SandboxProvider:
    """Takes the codes of `code_issue` back, each once."""

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def exchange(self, *, code: str, redirect_uri: str, code_verifier: str = "") -> OutsideIdentity:
        raw = client().getdel(_key(self.provider, code))
        if not isinstance(raw, bytes):
            raise CodeRefused
        person = orjson.loads(raw)
        return OutsideIdentity(person["subject"], person["email"], bool(person["email"]), person["email"].partition("@")[0])
