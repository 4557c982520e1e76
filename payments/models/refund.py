"""Money that goes back: refunds that we make, disputes that are made against us."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from payments.models.order import Order
from payments.states import DisputeState, RefundState


class Refund(models.Model):
    """One return of an order's money, in whole or part, and of the credits that it had bought."""

    class Origin(models.TextChoices):
        USER = "user"  # asked for by the buyer
        OPERATOR = "operator"
        GATEWAY = "gateway"  # made at the gateway's own console: we heard of it when it was done
        DUPLICATE = "duplicate"  # a second payment of one order: it goes back whole and touches neither order nor credits

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Its hex is our number at the gateway.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    origin = models.CharField(max_length=10, choices=Origin)
    status = models.CharField(max_length=12, choices=RefundState)
    amount_cents = models.PositiveBigIntegerField(help_text="In the order's currency, its smallest unit.")
    value_cents = models.PositiveBigIntegerField(default=0, help_text="CNY cents of it in the books, once it succeeded.")
    charge_id = models.CharField(max_length=255, blank=True, help_text="The payment that goes back, if it is not the order's own.")
    paid_credits = models.PositiveBigIntegerField(default=0, help_text="To be taken back for it.")
    bonus_credits = models.PositiveBigIntegerField(default=0)
    is_beyond_unspent = models.BooleanField(default=False, help_text="More than is unspent: a second operator is needed.")
    user_reason = models.CharField(max_length=500, blank=True)
    reason = models.CharField(max_length=200, blank=True, help_text="The operator's.")
    answer = models.CharField(max_length=200, blank=True, help_text="What the user is told when it is rejected.")
    first_operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    second_operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    is_last = models.BooleanField(default=False, help_text="It ended the order's membership or card.")
    takeback_id = models.BigIntegerField(null=True, help_text="The books' row of what was taken back.")
    external_id = models.CharField(max_length=255, blank=True, help_text="The gateway's id of the refund.")
    failure = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=255, help_text="Unique for the order.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    ask_after = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(amount_cents__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(fields=["order", "idempotency_key"], name="refund_key_unique"),
            models.UniqueConstraint(fields=["order", "external_id"], condition=~models.Q(external_id=""), name="refund_external_unique"),
            models.UniqueConstraint(
                fields=["order"],
                condition=models.Q(status__in=["requested", "waiting", "sending", "processing"]) & ~models.Q(origin="duplicate"),
                name="refund_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(second_operator__isnull=True) | ~models.Q(second_operator=models.F("first_operator")),
                name="refund_two_operators",
            ),
        )
        indexes = (
            models.Index(fields=["created_at"], name="refund_queue", condition=models.Q(status__in=["requested", "waiting"])),
            models.Index(fields=["ask_after"], name="refund_open", condition=models.Q(status__in=["sending", "processing"])),
        )

    def __str__(self) -> str:
        return str(self.uuid)


class Dispute(models.Model):
    """A payer's bank takes the money back. The payer is frozen, and what the credits became is clawed back until it is decided."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="disputes")
    external_id = models.CharField(max_length=255)
    status = models.CharField(max_length=10, choices=DisputeState)
    amount_cents = models.PositiveBigIntegerField(help_text="Disputed, in the order's currency.")
    value_cents = models.PositiveBigIntegerField(default=0, help_text="CNY cents of it in the books, while the money is gone.")
    losses_cents = models.PositiveBigIntegerField(default=0, help_text="Of them, what nobody gives back: borne by the platform.")
    paid_credits = models.PositiveBigIntegerField(default=0, help_text="Of the order's, for the disputed share.")
    bonus_credits = models.PositiveBigIntegerField(default=0)
    owed_credits = models.PositiveBigIntegerField(
        default=0, help_text="Neither unspent nor clawed back: the payer owes them if it is lost."
    )
    reason = models.CharField(max_length=80, blank=True)
    evidence_due_at = models.DateTimeField(null=True)
    is_frozen = models.BooleanField(default=False, help_text="It holds the payer's wallet frozen now.")
    is_money_gone = models.BooleanField(default=False, help_text="The gateway has taken the money, and the books say so.")
    takeback_id = models.BigIntegerField(null=True, help_text="What was unspent when it was opened.")
    owed_takeback_id = models.BigIntegerField(null=True, help_text="What the payer owes since it was lost.")
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["order", "external_id"], name="dispute_unique"),
            models.CheckConstraint(condition=models.Q(losses_cents__lte=models.F("value_cents")), name="dispute_losses"),
            models.CheckConstraint(condition=models.Q(owed_credits__lte=models.F("paid_credits")), name="dispute_owed"),
        )
        indexes = (models.Index(fields=["order"], name="dispute_open", condition=models.Q(status__in=["warning", "open"])),)

    def __str__(self) -> str:
        return self.external_id
