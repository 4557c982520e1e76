"""What the merchant signs: the parameters that a payer's app hands to WeChat."""

from __future__ import annotations

import base64
import secrets
import time

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from payments.gateways.wechat.config import WechatConfig


def signed(config: WechatConfig, *lines: str) -> str:
    """The merchant's signature (RSA, PKCS #1 v1.5, SHA-256, base64) over `lines`, each ended by a line feed."""
    text = "".join(f"{line}\n" for line in lines)
    return base64.b64encode(config.private_key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def pay_params(config: WechatConfig, *, method: str, prepay_id: str) -> dict[str, str]:
    """What a client hands to WeChat to pay `prepay_id`, signed now: for `app` in the words of document 004 §9.2, for `jsapi` in WeChat's.

    The app's text holds the bare prepay_id, the page's text `prepay_id=…`. Raises ValueError for other methods.
    """
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    if method == "app":
        return {
            "app_id": config.appid,
            "partner_id": config.mchid,
            "prepay_id": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": stamp,
            "sign": signed(config, config.appid, stamp, nonce, prepay_id),
        }
    if method != "jsapi":
        raise ValueError(f"{method} has no parameters to sign")
    package = f"prepay_id={prepay_id}"
    return {
        "appId": config.appid,
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": signed(config, config.appid, stamp, nonce, package),
    }
