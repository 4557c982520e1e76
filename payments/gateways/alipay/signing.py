"""RSA2: base64 of RSA-SHA256 (PKCS #1 v1.5) over `key=value` pairs sorted by key (opendocs.alipay.com, signatures)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from payments.gateways.alipay.config import AlipayConfig

SIGN_TYPE = "RSA2"


def signed(by: AlipayConfig | RSAPrivateKey, fields: Mapping[str, str]) -> dict[str, str]:
    """`fields` with `sign_type` and `sign`; empty ones are gone.

    By a config: a request of ours, whose signature covers `sign_type`. By a bare key: a notice as Alipay signs it, which does not.
    """
    filled = {name: value for name, value in fields.items() if value and name != "sign"} | {"sign_type": SIGN_TYPE}
    if isinstance(by, AlipayConfig):
        return filled | {"sign": _signature(by.private_key, content(filled))}
    return filled | {"sign": _signature(by, notice_content(filled))}


def order_string(config: AlipayConfig, fields: Mapping[str, str]) -> str:
    """`fields`, signed as a request and URL-encoded: what the app SDK takes, and the query of a payment page's address."""
    return urlencode(sorted(signed(config, fields).items()))


def content(fields: Mapping[str, str]) -> bytes:
    """What a signature over `fields` covers."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode()


def notice_content(fields: Mapping[str, str]) -> bytes:
    """What the signature of a notice covers: all but the signature and its type."""
    return content({name: value for name, value in fields.items() if name not in ("sign", "sign_type")})


def is_signed(key: RSAPublicKey, data: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is that of `data` by `key`; anything malformed is not."""
    try:
        key.verify(base64.b64decode(signature, validate=True), data, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _signature(key: RSAPrivateKey, data: bytes) -> str:
    return base64.b64encode(key.sign(data, PKCS1v15(), SHA256())).decode()
