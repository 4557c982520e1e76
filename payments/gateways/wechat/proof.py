"""Whether WeChat Pay itself wrote it: notices and answers carry the same signature."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from payments.gateways.base import Unproven
from payments.gateways.wechat.config import WechatConfig

TOLERANCE_S = 300
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
"""How the signatures begin that WeChat Pay spoils on purpose, to see whether anybody looks."""


def prove(config: WechatConfig, headers: Mapping[str, str], body: bytes) -> None:
    """WeChat Pay signed exactly these bytes less than 300 s ago with the key that `config` names. No network. Raises Unproven.

    `headers` with lower-case names; a missing signature type means the usual one. Source: WeChat Pay v3, Verify Signatures.
    """
    stamp, nonce, serial, signature = (headers.get(f"wechatpay-{name}", "") for name in ("timestamp", "nonce", "serial", "signature"))
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12 and nonce and serial and signature):
        raise Unproven("The signature headers are missing or cannot be read.")
    if headers.get("wechatpay-signature-type", SIGNATURE_TYPE) != SIGNATURE_TYPE:
        raise Unproven("The signature is of a kind that we do not know.")
    if signature.startswith(PROBE):
        raise Unproven("The signature is wrong on purpose: a probe of WeChat Pay.")
    if not _is_ours(serial, config.public_key_id):
        raise Unproven("The signature names a key that we do not know.")
    _hold(config, f"{stamp}\n{nonce}\n".encode(errors="replace") + body + b"\n", signature)
    if abs(time.time() - int(stamp)) >= TOLERANCE_S:
        raise Unproven("The signature is too old.")


def _is_ours(serial: str, ours: str) -> bool:
    """Serial numbers are hex digits in any case; the id of a public key is a name."""
    return serial == ours if ours.startswith("PUB_KEY_ID_") else serial.lower() == ours.lower()


def _hold(config: WechatConfig, text: bytes, signature: str) -> None:
    try:
        config.public_key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise Unproven("The signature does not match.", alarm="forged_notice") from error
