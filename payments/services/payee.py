"""Where a withdrawal's money goes: what a user gives for each method, checked, masked, and told apart without being read."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from config.kernel.errors import FieldError, InvalidInput
from payments.models import Withdrawal

Method = Withdrawal.Method
MOST_CHARACTERS = 100
NEEDED: dict[str, tuple[str, ...]] = {
    Method.ALIPAY: ("account", "name"),
    Method.WECHAT: ("openid",),
    Method.BANK_CARD: ("account", "name", "bank"),
}
MAY: dict[str, tuple[str, ...]] = {Method.ALIPAY: (), Method.WECHAT: ("name",), Method.BANK_CARD: ("branch",)}
FORMS: dict[tuple[str, str], str] = {
    (Method.ALIPAY, "account"): r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?\d[\d-]{5,19}",
    (Method.WECHAT, "openid"): r"[0-9A-Za-z_-]{6,128}",
    (Method.BANK_CARD, "account"): r"\d{12,19}",
}


@dataclass(frozen=True, slots=True)
class Payee:
    """A payee's details, what of them may be shown, and a keyed hash that tells two payees apart."""

    fields: dict[str, str]
    shown: str
    digest: bytes

    def __repr__(self) -> str:
        return f"Payee({self.shown})"


def payee_of(*, method: str, account: Mapping[str, object]) -> Payee:
    """What the user gave, if it is whole and has the method's form. Raises InvalidInput with every fault.

    `alipay` wants account and name, `wechat` the openid (document 004 calls it account too), `bank_card` account, name and bank.
    """
    if method not in NEEDED:
        raise InvalidInput.field("method", "one of bank_card, alipay, wechat")
    given = {**account, "openid": account.get("openid", account.get("account"))} if method == Method.WECHAT else account
    fields = {name: _text(given.get(name)) for name in (*NEEDED[method], *MAY[method]) if given.get(name) is not None}
    faults = [FieldError(("body", "account_info", name), fault) for name in NEEDED[method] if (fault := _fault(method, name, fields))]
    faults += [
        FieldError(("body", "account_info", name), "too long") for name in MAY[method] if len(fields.get(name, "")) > MOST_CHARACTERS
    ]
    if faults:
        raise InvalidInput(*faults)
    key = hashlib.sha256(b"payee:" + settings.SECRET_KEY.encode()).digest()
    digest = hmac.digest(key, "\x1f".join([method, *(f"{name}={fields[name]}" for name in sorted(fields))]).encode(), "sha256")
    return Payee(fields, _shown(fields), digest)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _fault(method: str, name: str, fields: Mapping[str, str]) -> str:
    text = fields.get(name, "")
    if not text or not text.isprintable():
        return "field required"
    form = FORMS.get((method, name))
    if len(text) > MOST_CHARACTERS or (form is not None and re.fullmatch(form, text) is None):
        return "not a valid value"
    return ""


def _shown(fields: Mapping[str, str]) -> str:
    """`us***om 张*`: enough for its owner to know it again, too little for anybody else."""
    account = fields.get("account") or fields.get("openid", "")
    edge = 2 if len(account) < 12 else 4
    parts = [f"{account[:edge]}***{account[-edge:]}" if len(account) > 2 * edge else "***"]
    if fields.get("name"):
        parts.append(fields["name"][0] + "*" * (len(fields["name"]) - 1))
    return " ".join([*parts, *([fields["bank"]] if "bank" in fields else [])])[:120]
