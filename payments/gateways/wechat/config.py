"""One merchant's account at WeChat Pay: from the settings, or the sandbox's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from django.conf import settings

from config.kernel.errors import NotConfigured

NOTICE_PATH = "/api/payments/webhook/wechat"
KEY_BITS_LEAST = 2048
HEX_SERIAL = re.compile(r"[0-9A-Fa-f]{8,40}")
PLATFORM_SERIAL = re.compile(r"PUB_KEY_ID_[0-9A-Za-z]{1,64}|[0-9A-Fa-f]{8,40}")
PARTS = (
    "WECHATPAY_MCHID",
    "WECHATPAY_APPID",
    "WECHATPAY_CERT_SERIAL",
    "WECHATPAY_PRIVATE_KEY",
    "WECHATPAY_APIV3_KEY",
    "WECHATPAY_PUBLIC_KEY_ID",
    "WECHATPAY_PUBLIC_KEY",
)
"""The settings that switch the channel on; it is off while all of them are empty."""


@dataclass(frozen=True, slots=True)
class WechatConfig:
    """A merchant's numbers and keys. `public_key` is WeChat Pay's own, named by `public_key_id`; an empty `base` cannot be called."""

    mchid: str
    appid: str
    cert_serial: str
    private_key: RSAPrivateKey = field(repr=False, hash=False)
    apiv3_key: str = field(repr=False)
    public_key_id: str
    public_key: RSAPublicKey = field(repr=False, hash=False)
    base: str
    notify_url: str
    transfer_scene_id: str

    @classmethod
    def from_settings(cls) -> WechatConfig:
        """The account of the settings. Raises NotConfigured when nothing is set, or anything is missing or wrong."""
        if not is_switched_on() or next(faults(), None):
            raise NotConfigured(service="WeChat Pay")
        return cls(
            mchid=settings.WECHATPAY_MCHID,
            appid=settings.WECHATPAY_APPID,
            cert_serial=settings.WECHATPAY_CERT_SERIAL,
            private_key=private_key_of(settings.WECHATPAY_PRIVATE_KEY),
            apiv3_key=settings.WECHATPAY_APIV3_KEY,
            public_key_id=settings.WECHATPAY_PUBLIC_KEY_ID,
            public_key=public_key_of(settings.WECHATPAY_PUBLIC_KEY, settings.WECHATPAY_PUBLIC_KEY_ID),
            base=settings.WECHATPAY_BASE,
            notify_url=settings.PUBLIC_BASE_URL + NOTICE_PATH,
            transfer_scene_id=settings.WECHATPAY_TRANSFER_SCENE_ID,
        )

    @classmethod
    def sandbox(cls) -> WechatConfig:
        """The account that the sandbox plays, with keys of this installation. Raises NotConfigured outside demo mode."""
        from payments.gateways.sandbox import keys  # kept in the database; nobody else needs it

        return cls(
            mchid="1900000001",
            appid="wx0000000000000001",
            cert_serial="5A4DB0C5" * 5,
            private_key=keys.rsa_key("wechat-merchant"),
            apiv3_key=keys.text("wechat-apiv3", 32),
            public_key_id="PUB_KEY_ID_0119000000010000000000000000000001",
            public_key=keys.rsa_key("wechat-platform").public_key(),
            base="",
            notify_url=settings.PUBLIC_BASE_URL + NOTICE_PATH,
            transfer_scene_id=settings.WECHATPAY_TRANSFER_SCENE_ID,
        )


def is_switched_on() -> bool:
    """Whether any of the channel's settings is set."""
    return any(getattr(settings, name) for name in PARTS)


def faults() -> Iterator[tuple[str, str]]:
    """Setting → what is wrong with it, in words that never repeat its value."""
    for name in PARTS:
        if not getattr(settings, name):
            yield name, "is missing"
    for name, wanted, text in _FORMS:
        value = getattr(settings, name)
        if (value or name not in PARTS) and not wanted(value):
            yield name, text
    yield from _key_faults()


def private_key_of(text: str) -> RSAPrivateKey:
    """The merchant's private key of a PEM text (PKCS#8 or PKCS#1). Raises ValueError."""
    return _private_key(text.strip())


def public_key_of(text: str, serial: str) -> RSAPublicKey:
    """WeChat Pay's key of a PEM text: a public key, or the platform certificate whose number is `serial`. Raises ValueError."""
    return _public_key(text.strip(), serial)


@lru_cache(maxsize=4)
def _private_key(text: str) -> RSAPrivateKey:
    """Loaded once: each load proves the key anew, which costs more than a notice may."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError as error:
        raise ValueError("the key has a password") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS_LEAST:
        raise ValueError("no RSA key of enough bits")
    return key


@lru_cache(maxsize=4)
def _public_key(text: str, serial: str) -> RSAPublicKey:
    key = _certified(text, serial) if "BEGIN CERTIFICATE" in text else load_pem_public_key(text.encode())
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS_LEAST:
        raise ValueError("no RSA key of enough bits")
    return key


def _certified(text: str, serial: str) -> object:
    certificate = load_pem_x509_certificate(text.encode())
    if f"{certificate.serial_number:x}" != serial.lower().lstrip("0"):
        raise ValueError("the certificate has another serial number")
    return certificate.public_key()


def _key_faults() -> Iterator[tuple[str, str]]:
    loads: dict[str, Callable[[str], object]] = {
        "WECHATPAY_PRIVATE_KEY": private_key_of,
        "WECHATPAY_PUBLIC_KEY": lambda text: public_key_of(text, settings.WECHATPAY_PUBLIC_KEY_ID),
    }
    texts = {
        "WECHATPAY_PRIVATE_KEY": "is no PEM text of an RSA private key of at least 2048 bits",
        "WECHATPAY_PUBLIC_KEY": "is no PEM text of WeChat Pay's public key or of the certificate that WECHATPAY_PUBLIC_KEY_ID names",
    }
    for name, load in loads.items():
        value = getattr(settings, name)
        try:
            if value:
                load(value)
        except ValueError:
            yield name, texts[name]


def _is_safe_base(url: str) -> bool:
    """HTTPS, or plain HTTP to this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


_FORMS: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("WECHATPAY_MCHID", re.compile(r"[0-9]{6,32}").fullmatch, "is no merchant number (digits)"),
    ("WECHATPAY_APPID", re.compile(r"wx[0-9A-Za-z]{6,30}").fullmatch, "is no app id (wx…)"),
    ("WECHATPAY_CERT_SERIAL", HEX_SERIAL.fullmatch, "is no serial number (hex digits) of the merchant's certificate"),
    ("WECHATPAY_APIV3_KEY", lambda key: len(key.encode()) == 32, "is not 32 bytes long"),
    ("WECHATPAY_PUBLIC_KEY_ID", PLATFORM_SERIAL.fullmatch, "is neither PUB_KEY_ID_… nor a serial number (hex digits)"),
    ("WECHATPAY_TRANSFER_SCENE_ID", re.compile(r"[0-9]{1,10}").fullmatch, "is no transfer scene (digits)"),
    ("WECHATPAY_BASE", _is_safe_base, "is neither an https address nor one of this machine"),
)
