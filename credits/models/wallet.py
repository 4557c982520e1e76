"""Wallets, transactions and postings: the journal and its cache."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from credits.states import COIN_BUCKETS, CREDIT_BUCKETS, Bucket, Kind, Unit


class Wallet(models.Model):
    """What a user has: a cache of their postings that can never fall below zero, and the head of their chain.

    Rows are opened, moved and locked by the functions in credits/sql alone; the database refuses a changed
    bucket without a new posting.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="wallet")
    paid = models.BigIntegerField(default=0, help_text="Credits that were paid for.")
    bonus = models.BigIntegerField(default=0, help_text="Credits that were given.")
    held_paid = models.BigIntegerField(default=0)
    held_bonus = models.BigIntegerField(default=0)
    coins_pending = models.BigIntegerField(default=0, help_text="Hundredths of coins that still mature.")
    coins = models.BigIntegerField(default=0, help_text="Hundredths of coins.")
    coins_leaving = models.BigIntegerField(default=0, help_text="Hundredths of coins in an open withdrawal.")
    spent = models.BigIntegerField(default=0, help_text="Credits: debits less refunds, without what is held.")
    seq = models.BigIntegerField(default=0, help_text="The number of the last posting.")
    head = models.BinaryField(max_length=32, help_text="The hash of the last posting.")
    bonus_is_free = models.BooleanField(default=False, help_text="Bonus credits may leave by tips, unlocks and fees too.")
    pays_pending_until = models.DateTimeField(null=True, blank=True, help_text="Coins this user pays mature no earlier.")
    shortfall = models.BigIntegerField(default=0, help_text="Credits owed: the next ones that come in repay them.")
    disputes = models.BigIntegerField(default=0, help_text="Open disputes of payments: any freezes the wallet.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(paid__gte=0), name="wallet_paid"),
            models.CheckConstraint(condition=Q(bonus__gte=0), name="wallet_bonus"),
            models.CheckConstraint(condition=Q(held_paid__gte=0), name="wallet_held_paid"),
            models.CheckConstraint(condition=Q(held_bonus__gte=0), name="wallet_held_bonus"),
            models.CheckConstraint(condition=Q(coins_pending__gte=0), name="wallet_coins_pending"),
            models.CheckConstraint(condition=Q(coins__gte=0), name="wallet_coins"),
            models.CheckConstraint(condition=Q(coins_leaving__gte=0), name="wallet_coins_leaving"),
            models.CheckConstraint(condition=Q(shortfall__gte=0), name="wallet_shortfall"),
            models.CheckConstraint(condition=Q(shortfall=0) | Q(paid=0, bonus=0), name="wallet_owes_first"),
            models.CheckConstraint(condition=Q(disputes__gte=0), name="wallet_disputes"),
        )

    def __str__(self) -> str:
        return f"wallet {self.pk}"


class Account(models.Model):
    """A purpose of the platform's own: sales, usage, … and `cash:<channel>`. Its balance is never cached.

    Campaigns are rows of their own, their accounts are named `campaign:<slug>`.
    """

    code = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.code


class Transaction(models.Model):
    """One movement of the books, append-only. Its postings sum to zero in each unit.

    The owner has no foreign key in the database: the functions lock the owner's wallet, which has one, and a
    second row lock a spend would buy nothing. check_books proves it.
    """

    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    key = models.CharField(max_length=255, help_text="Idempotency key, unique per owner.")
    input_hash = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=12, choices=Kind)
    reference = models.CharField(max_length=255, help_text="What it is about, e.g. task:<uuid>; never free text.")
    api_key_id = models.BigIntegerField(null=True)
    limit_day = models.DateField(null=True, help_text="The day it was counted on, against a spend limit or an entitlement.")
    entitlement_id = models.BigIntegerField(null=True, help_text="The entitlement that made it free.")
    reverses_id = models.BigIntegerField(null=True, help_text="The transaction that it gives back.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="transaction_key_unique"),
            models.UniqueConstraint(fields=["reverses_id"], condition=Q(reverses_id__isnull=False), name="transaction_reversed_once"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="transaction_kind"),
        )
        indexes = (
            models.Index(fields=["user", "id"], name="transaction_transfer", condition=Q(kind__in=("tip", "unlock", "remix"))),
            models.Index(fields=["user", "reference"], name="transaction_withdrawal", condition=Q(kind="withdraw")),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


_IN_CREDITS = Q(unit=Unit.CREDITS, account__in=[*CREDIT_BUCKETS])
_IN_COINS = Q(unit=Unit.COINS, account__in=[*COIN_BUCKETS])


class Posting(models.Model):
    """One change of one account by one transaction, append-only. A user's are numbered and chained.

    `balance` is what the user sees in this unit after the transaction: paid + bonus, or pending + available coins.
    """

    transaction = models.ForeignKey(Transaction, on_delete=models.DO_NOTHING, db_constraint=False, related_name="postings")
    wallet = models.ForeignKey(
        Wallet, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, db_column="user_id", related_name="postings"
    )
    seq = models.BigIntegerField(null=True)
    account = models.CharField(max_length=64, help_text="A bucket of a user, or a code of the platform.")
    unit = models.CharField(max_length=8, choices=Unit)
    amount = models.BigIntegerField()
    balance = models.BigIntegerField(null=True)
    hash = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["wallet", "seq"], condition=Q(wallet__isnull=False), name="posting_seq_unique"),
            models.CheckConstraint(condition=~Q(amount=0), name="posting_amount"),
            models.CheckConstraint(condition=Q(unit__in=Unit.values), name="posting_unit"),
            models.CheckConstraint(
                condition=Q(wallet__isnull=True, seq__isnull=True, balance__isnull=True, hash__isnull=True)
                | Q(wallet__isnull=False, seq__isnull=False, balance__isnull=False, hash__isnull=False),
                name="posting_chained",
            ),
            models.CheckConstraint(
                condition=(Q(wallet__isnull=False) & (_IN_CREDITS | _IN_COINS)) | (Q(wallet__isnull=True) & ~Q(account__in=Bucket.values)),
                name="posting_account",
            ),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.amount:+d} {self.unit}"


class Digest(models.Model):
    """A day's fingerprint of all wallets' heads, chained to the day before; hand it to somebody outside."""

    day = models.DateField(primary_key=True)
    last_posting_id = models.BigIntegerField(help_text="It covers the postings up to this one.")
    wallets = models.BigIntegerField(help_text="How many wallets had postings.")
    digest = models.BinaryField(max_length=32)
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day}"
