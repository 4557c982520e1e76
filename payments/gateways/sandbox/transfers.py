"""Payouts of the sandbox: Alipay's arrive at once, WeChat Pay's wait for the payee.

An account that contains `bad` is refused; one that contains `lost` is paid, and the answer is lost on its way back.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from config.kernel import clock
from payments.gateways.base import PayoutOutcome, PayoutRequest, PayoutStanding, Unknown
from payments.models import Order, SandboxTransfer

BAD, LOST = "bad", "lost"
STATES = {"paid": ("processing",), "refused": ("processing",), "returned": ("paid",)}
"""What may become of a transfer, and from where."""


def payout(request: PayoutRequest) -> PayoutStanding:
    """The transfer is in the sandbox's books, once for its number; to an openid by WeChat Pay. Raises Unknown when its answer is lost."""
    openid = request.account.get("openid", "")
    account = openid or request.account.get("account", "")
    state = "processing" if openid else "paid"
    facts = {
        "channel": Order.Channel.WECHAT if openid else Order.Channel.ALIPAY,
        "account_shown": _masked(account),
        "amount_cents": request.amount_cents,
        "state": "refused" if BAD in account else state,
        "created_at": clock.now(),
    }
    with transaction.atomic():
        found, is_new = SandboxTransfer.objects.get_or_create(id=request.payout_uuid, defaults=facts)
    if is_new and LOST in account:
        raise Unknown("the sandbox lost its answer on purpose")
    return standing_of(found)


def payout_query(request: PayoutRequest) -> PayoutStanding:
    """Where the transfer stands."""
    found = SandboxTransfer.objects.filter(id=request.payout_uuid).first()
    return standing_of(found) if found else PayoutStanding(PayoutOutcome.NONE, request.payout_uuid)


def standing_of(transfer: SandboxTransfer) -> PayoutStanding:
    """Where the transfer stands, in our words; one that waits for its payee says where they confirm it."""
    is_waiting = transfer.state == "processing"
    return PayoutStanding(
        PayoutOutcome.CONFIRMING if is_waiting else PayoutOutcome(transfer.state),
        payout_uuid=transfer.id,
        external_id=f"sbt_{transfer.id.hex}",
        amount_cents=transfer.amount_cents,
        confirm_params=_confirm_params(transfer) if is_waiting else {},
        text=_("The payee's account cannot take the transfer.") if transfer.state == "refused" else "",
    )


def decide(transfer: SandboxTransfer, to: str) -> bool:
    """The payee's or the bank's decision is entered once. False: it was not entered."""
    return SandboxTransfer.objects.filter(pk=transfer.pk, state__in=STATES[to]).update(state=to) == 1


def _confirm_params(transfer: SandboxTransfer) -> dict[str, str]:
    """What WeChat's app is handed, and where the sandbox's page stands for it."""
    from payments.gateways.wechat.config import WechatConfig

    config = WechatConfig.sandbox()
    url = f"{settings.PUBLIC_BASE_URL}/sandbox/transfer/{transfer.id}"
    return {"mchId": config.mchid, "appId": config.appid, "package": f"sandbox_{transfer.id.hex}", "confirm_url": url}


def _masked(account: str) -> str:
    """First and last characters only: the books of a gateway are no place for whole accounts."""
    return f"{account[:2]}…{account[-2:]}"[:120] if len(account) > 6 else "…"
