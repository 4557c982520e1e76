"""The keys that the sandbox plays with: made once for the installation, kept encrypted, demo mode only."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from django.conf import settings

from config.kernel.errors import NotConfigured
from payments.models import SandboxKey

RSA_BITS = 2048
LETTERS = string.ascii_letters + string.digits


def rsa_key(name: str) -> RSAPrivateKey:
    """The private key `name`, the same one in every process. Raises NotConfigured outside demo mode."""
    return _loaded(_kept(name, lambda: _new_rsa_key(name)))


def text(name: str, length: int) -> str:
    """The secret text `name` of `length` letters and digits, the same one in every process. Raises NotConfigured outside demo mode."""
    return _kept(name, lambda: "".join(secrets.choice(LETTERS) for _ in range(length)))


def _kept(name: str, make: Callable[[], str]) -> str:
    """The row decides, so that of two processes which make a key at once both play with the same one."""
    if not settings.DEMO:
        raise NotConfigured(service="sandbox")
    found = SandboxKey.objects.filter(name=name).first()
    if found is None:
        found, _ = SandboxKey.objects.get_or_create(name=name, defaults={"text": make()})
    return found.text


@lru_cache(maxsize=8)
def _new_rsa_key(name: str) -> str:
    """A process offers one key for a name, whether its row was kept or rolled back: making one takes long."""
    key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@lru_cache(maxsize=16)
def _loaded(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the sandbox's key is no RSA key")
    return key
