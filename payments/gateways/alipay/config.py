"""One application at Alipay: who we are there, our key, and Alipay's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from django.conf import settings

from config.kernel.errors import NotConfigured
from payments.gateways.alipay import keys

CERTIFICATES = ("ALIPAY_APP_CERT", "ALIPAY_PUBLIC_CERT", "ALIPAY_ROOT_CERT")
NAMES = ("ALIPAY_APP_ID", "ALIPAY_SELLER_ID", "ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY", *CERTIFICATES)
APP_ID = re.compile(r"\d{8,32}", re.ASCII)
SELLER_ID = re.compile(r"2088\d{12}", re.ASCII)
NOTIFY_PATH = "/api/payments/webhook/alipay"
SANDBOX_APP_ID, SANDBOX_SELLER_ID = "2021000000000001", "2088000000000001"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class AlipayConfig:
    """What every call and every notice is judged by. An empty `gateway` calls nobody: it only reads notices."""

    app_id: str
    seller_id: str
    private_key: RSAPrivateKey = field(repr=False)
    alipay_public_key: RSAPublicKey = field(repr=False)
    gateway: str
    notify_url: str
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""
    alipay_cert_sn: str = ""

    @property
    def has_certificates(self) -> bool:
        """Whether it works in certificate mode, which payouts need."""
        return bool(self.app_cert_sn)

    @classmethod
    def from_settings(cls) -> AlipayConfig:
        """The application of the settings. Raises NotConfigured when nothing is set, or a part is missing or wrong."""
        found, _ = judged()
        if found is None:
            raise NotConfigured(service="Alipay")
        return found

    @classmethod
    def sandbox(cls) -> AlipayConfig:
        """The application that the sandbox plays with. Raises NotConfigured outside demo mode."""
        from payments.gateways.sandbox.keys import rsa_key  # the sandbox imports this package: it signs as Alipay does

        alipay_key = rsa_key("alipay-platform").public_key()
        return cls(SANDBOX_APP_ID, SANDBOX_SELLER_ID, rsa_key("alipay-merchant"), alipay_key, "", _notify_url())


def judged() -> tuple[AlipayConfig | None, tuple[str, ...]]:
    """The application of the settings, or why there is none: texts that name settings and never their values. Both empty: all unset."""
    values = tuple((name, str(getattr(settings, name)).strip()) for name in NAMES)
    if not any(value for _, value in values):
        return None, ()
    return _judged(values, settings.ALIPAY_GATEWAY, _notify_url())


@lru_cache(maxsize=4)
def _judged(values: tuple[tuple[str, str], ...], gateway: str, notify_url: str) -> tuple[AlipayConfig | None, tuple[str, ...]]:
    """Reading a private key proves it prime by prime and takes 30 ms: too long for every notice."""
    faults: list[str] = []
    found = _Reader(dict(values), faults).config(gateway, notify_url)
    return (None, tuple(faults)) if faults or found is None else (found, ())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the settings and notes every fault on the way."""

    values: dict[str, str]
    faults: list[str]

    def config(self, gateway: str, notify_url: str) -> AlipayConfig | None:
        """The application, or None after a fault."""
        self._matches("ALIPAY_APP_ID", APP_ID, "the application's id, digits only")
        self._matches("ALIPAY_SELLER_ID", SELLER_ID, "the merchant's partner id, 16 digits that begin with 2088")
        if not is_safe(gateway):
            self.faults.append("ALIPAY_GATEWAY must be an https address.")
        private_key = self._read("ALIPAY_PRIVATE_KEY", keys.private_key)
        trust = self._certificates(private_key) if any(self.values[name] for name in CERTIFICATES) else self._public_key(private_key)
        if private_key is None or trust is None:
            return None
        return AlipayConfig(
            self.values["ALIPAY_APP_ID"], self.values["ALIPAY_SELLER_ID"], private_key, trust[0], gateway, notify_url, *trust[1:]
        )

    def _public_key(self, private_key: RSAPrivateKey | None) -> tuple[RSAPublicKey, str, str, str] | None:
        key = self._read("ALIPAY_PUBLIC_KEY", keys.public_key)
        self._is_not_ours("ALIPAY_PUBLIC_KEY", key, private_key)
        return (key, "", "", "") if key is not None else None

    def _certificates(self, private_key: RSAPrivateKey | None) -> tuple[RSAPublicKey, str, str, str] | None:
        own, alipay, roots = (self._read(name, keys.certificates) for name in CERTIFICATES)
        if own is None or alipay is None or roots is None:
            return None
        own_key = self._judge("ALIPAY_APP_CERT", lambda: keys.certificate_key(own[0]))
        key = self._judge("ALIPAY_PUBLIC_CERT", lambda: keys.certificate_key(alipay[0]))
        root_serial = self._judge("ALIPAY_ROOT_CERT", lambda: keys.root_serial_of(roots))
        if own_key is not None and private_key is not None and own_key != private_key.public_key():
            self.faults.append("ALIPAY_APP_CERT does not belong to ALIPAY_PRIVATE_KEY.")
        self._is_not_ours("ALIPAY_PUBLIC_CERT", key, private_key)
        if key is None or root_serial is None:
            return None
        return key, keys.serial_of(own[0]), root_serial, keys.serial_of(alipay[0])

    def _is_not_ours(self, name: str, key: RSAPublicKey | None, private_key: RSAPrivateKey | None) -> None:
        """The commonest mistake: whoever trusts their own key as Alipay's believes nothing that Alipay says."""
        if key is not None and private_key is not None and key == private_key.public_key():
            self.faults.append(f"{name} holds the application's own key; it must hold Alipay's.")

    def _read(self, name: str, read: Callable[[str], Found]) -> Found | None:
        if not self.values[name]:
            self.faults.append(f"{name} is missing.")
            return None
        return self._judge(name, lambda: read(self.values[name]))

    def _judge(self, name: str, find: Callable[[], Found]) -> Found | None:
        try:
            return find()
        except ValueError as error:
            self.faults.append(f"{name} cannot be used: {error}.")
            return None

    def _matches(self, name: str, form: re.Pattern[str], meaning: str) -> None:
        if not form.fullmatch(self.values[name]):
            self.faults.append(f"{name} is missing or wrong: it is {meaning}.")


def is_safe(address: str) -> bool:
    """Whether what is sent to `address` stays secret: https, or this very machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host)))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _notify_url() -> str:
    return f"{settings.PUBLIC_BASE_URL}{NOTIFY_PATH}"
