"""Keys and certificates as operators paste them, and the serial numbers by which Alipay names certificates."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

LEAST_BITS = 2048
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
ARMOUR = re.compile(r"-----[A-Z ]+-----")
RSA_SIGNATURES = "1.2.840.113549.1.1."
"""The object identifiers of signatures by RSA (PKCS #1) begin so."""


def private_key(text: str) -> RSAPrivateKey:
    """The RSA key of `text`: PKCS #1 or #8, with or without PEM armour. Raises ValueError, without a word of the text."""
    try:
        key = load_der_private_key(_der(text), password=None)
    except Exception:
        raise ValueError("it is no private key") from None  # the cause may quote the key
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise ValueError("it is no RSA key of 2048 bits or more")
    return key


def public_key(text: str) -> RSAPublicKey:
    """The RSA key of `text`, with or without PEM armour. Raises ValueError."""
    try:
        key = load_der_public_key(_der(text))
    except Exception:
        raise ValueError("it is no public key") from None
    return _rsa(key)


def certificates(text: str) -> list[x509.Certificate]:
    """The certificates of `text` that can be read, in order; among Alipay's roots some cannot. Raises ValueError without any."""
    found = []
    for block in CERTIFICATE.findall(text):
        try:
            found.append(x509.load_pem_x509_certificate(block.encode()))
        except ValueError:
            continue
    if not found:
        raise ValueError("it holds no certificate")
    return found


def certificate_key(certificate: x509.Certificate) -> RSAPublicKey:
    """The RSA key that `certificate` vouches for. Raises ValueError."""
    try:
        key = certificate.public_key()
    except Exception:
        raise ValueError("its key cannot be read") from None
    return _rsa(key)


def serial_of(certificate: x509.Certificate) -> str:
    """Alipay's name of a certificate: MD5 over its issuer (most specific part first) and its serial number in decimal.

    Source: opendocs.alipay.com, certificate mode, `app_cert_sn`.
    """
    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_serial_of(roots: list[x509.Certificate]) -> str:
    """`alipay_root_cert_sn`: the names of all roots that sign by RSA, joined. Raises ValueError if none does."""
    serials = [serial_of(root) for root in roots if root.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNATURES)]
    if not serials:
        raise ValueError("it holds no RSA certificate")
    return "_".join(serials)


def _der(text: str) -> bytes:
    return base64.b64decode("".join(ARMOUR.sub("", text).split()), validate=True)


def _rsa(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise ValueError("it is no RSA key of 2048 bits or more")
    return key
