"""Coins that leave as money: requests, operators' decisions, payouts."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.models import User
from config.kernel.secrets import SecretField
from payments.states import WithdrawalState


class Withdrawal(models.Model):
    """A user wants money for coins. The coins are in `coins_leaving` from the application until it is paid or rejected."""

    class Method(models.TextChoices):
        ALIPAY = "alipay"
        WECHAT = "wechat"
        BANK_CARD = "bank_card"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="withdrawals")
    status = models.CharField(max_length=10, choices=WithdrawalState, default=WithdrawalState.APPLIED)
    amount_cents = models.PositiveBigIntegerField(help_text="CNY cents to be paid.")
    coins_hundredths = models.PositiveBigIntegerField()
    method = models.CharField(max_length=10, choices=Method)
    account = SecretField(purpose="withdrawal-account", help_text="JSON of what the user gave; shown masked.")
    account_shown = models.CharField(max_length=120, help_text="Masked.")
    account_digest = models.BinaryField(max_length=32, help_text="Keyed hash: tells a changed payee without reading it.")
    flags = models.JSONField(default=list, help_text="Why it needs a closer look: payee_changed, phone_changed, password_changed, …")
    approvals_needed = models.PositiveSmallIntegerField(default=1)
    evidence = models.CharField(max_length=300, blank=True, help_text="Of a payment by hand: the bank's number, by whom.")
    answer = models.CharField(max_length=200, blank=True, help_text="What the user is told when it is rejected.")
    idempotency_key = models.CharField(max_length=255)
    input_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True, help_text="When it was paid or rejected.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="withdrawal_key_unique"),
            models.CheckConstraint(condition=models.Q(amount_cents__gt=0, coins_hundredths__gt=0), name="withdrawal_positive"),
            models.CheckConstraint(condition=models.Q(approvals_needed__gte=1, approvals_needed__lte=2), name="withdrawal_approvals"),
        )
        indexes = (
            models.Index(fields=["user", "-id"], name="withdrawal_user"),
            models.Index(fields=["created_at"], name="withdrawal_queue", condition=~models.Q(status__in=["paid", "rejected"])),
        )

    def __str__(self) -> str:
        return f"withdrawal {self.pk}"


class WithdrawalDecision(models.Model):
    """What one operator decided about a withdrawal, append-only."""

    class Verdict(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"
        PAY = "pay"
        PAID_BY_HAND = "paid_by_hand"
        LOOK_UP = "look_up"

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="decisions")
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=14, choices=Verdict)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["withdrawal", "operator"], condition=models.Q(verdict="approve"), name="withdrawal_approved_once_each"
            ),
        )

    def __str__(self) -> str:
        return f"{self.verdict} by {self.operator_id}"


class Payout(models.Model):
    """One sending of a withdrawal's money under a number of its own. A withdrawal has at most one that is not refused."""

    class State(models.TextChoices):
        SENDING = "sending"
        UNKNOWN = "unknown"
        CONFIRMING = "confirming"  # the payee must confirm in their own app (WeChat)
        PAID = "paid"
        REFUSED = "refused"
        RETURNED = "returned"  # paid, and sent back by the bank later

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Its hex is our number at the gateway.")
    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="payouts")
    channel = models.CharField(max_length=8)
    is_sandbox = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.SENDING)
    amount_cents = models.PositiveBigIntegerField()
    external_id = models.CharField(max_length=255, blank=True)
    confirm_params = models.JSONField(default=dict, help_text="What the payee's app needs to confirm it.")
    failure = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    ask_after = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["withdrawal"], condition=~models.Q(state__in=["refused", "returned"]), name="payout_one_that_may_arrive"
            ),
        )
        indexes = (
            models.Index(fields=["ask_after"], name="payout_open", condition=models.Q(state__in=["sending", "unknown", "confirming"])),
        )

    def __str__(self) -> str:
        return str(self.uuid)
