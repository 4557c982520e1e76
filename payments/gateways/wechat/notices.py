"""WeChat Pay's notices: proven by their signature, opened with the merchant's key, read in our words."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payments.gateways.base import RawNotice, Subject, Unproven, VerifiedNotice
from payments.gateways.wechat.config import WechatConfig
from payments.gateways.wechat.proof import prove
from payments.gateways.wechat.standings import is_ours, order_standing, payout_standing, refund_standing

log = logging.getLogger(__name__)
ALGORITHM = "AEAD_AES_256_GCM"
ORDER = "TRANSACTION.SUCCESS"
REFUNDS = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})
TRANSFER = "MCHTRANSFER.BILL.FINISHED"
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidTag)


def proven(config: WechatConfig, notice: RawNotice) -> VerifiedNotice:
    """What a notice of WeChat Pay says. Nothing is asked over the network. Raises Unproven."""
    prove(config, notice.headers, notice.body)
    return read(config, notice.body)


def read(config: WechatConfig, body: bytes) -> VerifiedNotice:
    """What a body says that was proven before: it is opened again. Raises Unproven for other merchants' (an alarm) and for nonsense."""
    try:
        event = json.loads(body)
        kind, number = str(event["event_type"]), str(event["id"])
        subject = _subject(config, kind, event["resource"])
    except UNREADABLE as error:
        log.warning("a notice of WeChat Pay cannot be read: %s", type(error).__name__)
        raise Unproven("The body is no notice of WeChat Pay that we can open.") from error
    return VerifiedNotice(number[:255], kind[:80], subject)


def _subject(config: WechatConfig, kind: str, resource: dict[str, Any]) -> Subject | None:
    """Kinds of other products of WeChat Pay are stored as they are: nobody here acts on them."""
    if kind != ORDER and kind not in REFUNDS and kind != TRANSFER:
        return None
    said = opened(config, resource)
    if not is_ours(config, said, appid=kind == ORDER):
        raise Unproven("The notice is another merchant's.", alarm="wrong_merchant")
    if kind == ORDER:
        return order_standing(said)
    return payout_standing(config, said) if kind == TRANSFER else refund_standing(said, status="refund_status")


def opened(config: WechatConfig, resource: dict[str, Any]) -> dict[str, Any]:
    """The sealed part of a notice. Raises ValueError, KeyError, TypeError, AttributeError, InvalidTag."""
    if resource["algorithm"] != ALGORITHM:
        raise ValueError("another algorithm")
    sealed = base64.b64decode(resource["ciphertext"], validate=True)
    bound = str(resource.get("associated_data") or "")
    plain = AESGCM(config.apiv3_key.encode()).decrypt(resource["nonce"].encode(), sealed, bound.encode())
    said = json.loads(plain)
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said
