"""The one password hasher: a slow salted hash of the password's MD5 hex, because one contract sends only that."""

from __future__ import annotations

import hashlib
import re

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.crypto import constant_time_compare

DIGEST = re.compile(r"[0-9a-fA-F]{32}")


def looks_digested(password: str) -> bool:
    """Whether `password` is 32 hex digits, the form in which `stargraph` clients send it."""
    return DIGEST.fullmatch(password) is not None


def _md5_hex(password: str) -> str:
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


class DigestedPBKDF2Hasher(PBKDF2PasswordHasher):
    """PBKDF2-SHA256 over the MD5 hex of the password: both spellings of it sign in, a bare MD5 is stored nowhere.

    32 hex digits are tried as a digest first, then as they are. `PASSWORD_DIGEST_SIGN_IN = False` turns the
    digest form off for everybody; `User.check_password` turns it off for operators and users of a second factor.
    """

    algorithm = "pbkdf2_sha256_digested"

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return super().encode(_md5_hex(password), salt, iterations)

    def verify(self, password: str, encoded: str) -> bool:
        digest_form = settings.PASSWORD_DIGEST_SIGN_IN and looks_digested(password)
        return (digest_form and self._matches(password.lower(), encoded)) or self.verify_plain(password, encoded)

    def verify_plain(self, password: str, encoded: str) -> bool:
        """Whether `password` is the password itself; its digest is not accepted."""
        return self._matches(_md5_hex(password), encoded)

    def _matches(self, digest: str, encoded: str) -> bool:
        decoded = self.decode(encoded)
        return constant_time_compare(encoded, super().encode(digest, str(decoded["salt"]), int(decoded["iterations"])))
