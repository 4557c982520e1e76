"""Notices as WeChat Pay sends them: sealed with the merchant's APIv3 key, signed with the platform's."""

from __future__ import annotations

import base64
import os
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from config.kernel import clock
from payments.gateways.base import PayoutOutcome, PayoutStanding, RawNotice, RefundOutcome, RefundStanding, Standing
from payments.gateways.sandbox.keys import rsa_key
from payments.gateways.sandbox.notices import digest, dump


def payment(standing: Standing) -> RawNotice:
    """The notice of a paid order: WeChat Pay tells of no other end. Source: WeChat Pay v3, Payment Notifications."""
    number, money = _hex(standing.order_uuid), {"total": standing.amount_cents, "currency": standing.currency}
    said = {
        "appid": _config().appid,
        "out_trade_no": number,
        "transaction_id": standing.charge_id,
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "success_time": clock.real_now().isoformat(timespec="seconds"),
        "amount": money | {"payer_total": standing.amount_cents, "payer_currency": standing.currency},
    }
    return _notice("TRANSACTION.SUCCESS", "transaction", said, number)


def refund(standing: RefundStanding, *, paid_cents: int) -> RawNotice:
    """The notice of a refund that ended. Source: WeChat Pay v3, Refund Notifications."""
    status = "SUCCESS" if standing.outcome == RefundOutcome.SUCCEEDED else "CLOSED"
    said = {
        "out_trade_no": _hex(standing.order_uuid),
        "transaction_id": standing.charge_id,
        "out_refund_no": _hex(standing.refund_uuid),
        "refund_id": standing.external_id,
        "refund_status": status,
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": paid_cents,
            "refund": standing.amount_cents,
            "payer_total": paid_cents,
            "payer_refund": standing.amount_cents,
        },
    }
    return _notice(f"REFUND.{status}", "refund", said, _hex(standing.refund_uuid))


def payout(standing: PayoutStanding) -> RawNotice:
    """The notice of a transfer that ended. Source: WeChat Pay v3, Transfer Bill Notifications."""
    is_paid = standing.outcome == PayoutOutcome.PAID
    said = {
        "out_bill_no": _hex(standing.payout_uuid),
        "transfer_bill_no": standing.external_id,
        "transfer_amount": standing.amount_cents,
        "state": "SUCCESS" if is_paid else "FAIL",
    } | ({} if is_paid else {"fail_reason": "PAYEE_ACCOUNT_ABNORMAL"})
    return _notice("MCHTRANSFER.BILL.FINISHED", "mch_payment", said, f"{standing.payout_uuid}:{standing.outcome}")


def _config() -> Any:
    from payments.gateways.wechat.config import WechatConfig  # the SDK costs memory; only a process that plays WeChat Pay needs it

    return WechatConfig.sandbox()


def _hex(number: Any) -> str:
    return str(number.hex) if number else ""


def _notice(kind: str, original: str, said: dict[str, Any], news: str) -> RawNotice:
    """`said` sealed by AES-256-GCM, the whole signed now. The same news is the same notice."""
    config = _config()
    nonce = os.urandom(6).hex()
    sealed = AESGCM(config.apiv3_key.encode()).encrypt(nonce.encode(), dump({"mchid": config.mchid} | said), original.encode())
    resource = {
        "original_type": original,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": nonce,
        "associated_data": original,
    }
    head = {"id": digest("wechat", kind, news), "create_time": clock.real_now().isoformat(timespec="seconds")}
    body = dump(head | {"resource_type": "encrypt-resource", "event_type": kind, "summary": kind, "resource": resource})
    return RawNotice(body, _headers(body, config.public_key_id))


def _headers(body: bytes, serial: str) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "content-type": "application/json",
        "wechatpay-timestamp": stamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        "wechatpay-signature": base64.b64encode(rsa_key("wechat-platform").sign(text, PKCS1v15(), SHA256())).decode(),
    }
