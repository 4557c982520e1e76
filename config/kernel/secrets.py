"""Secrets at rest: AES-256-GCM with a key id, so that keys can be rotated."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models


def _keys() -> dict[str, bytes]:
    """Key id → key, the first one encrypts. `SECRET_KEYS` = `id:text,id:text`."""
    return {name: hashlib.sha256(b"at-rest:" + text.encode()).digest() for name, text in settings.ENCRYPTION_KEYS.items()}


def encrypt(plain: str, *, purpose: str) -> str:
    """`plain` sealed for `purpose` (bound as associated data) under the newest key."""
    name, key = next(iter(_keys().items()))
    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), purpose.encode())
    return f"{name}:{base64.b64encode(nonce + sealed).decode()}"


def decrypt(sealed: str, *, purpose: str) -> str:
    """What `encrypt` sealed for the same purpose. Raises ValueError for anything else."""
    name, _, body = sealed.partition(":")
    key = _keys().get(name)
    if key is None:
        raise ValueError("sealed with an unknown key")
    raw = base64.b64decode(body)
    try:
        return AESGCM(key).decrypt(raw[:12], raw[12:], purpose.encode()).decode()
    except InvalidTag as error:
        raise ValueError("not sealed for this purpose") from error


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class SecretField(_TextField):
    """Text that is stored encrypted; it never appears in forms, answers or logs."""

    def __init__(self, *args: Any, purpose: str = "", **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value, purpose=self.purpose) if value else ""

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return decrypt(value, purpose=self.purpose) if value else ""
