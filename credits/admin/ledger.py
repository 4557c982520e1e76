"""The ledger in the console: wallets, transactions with their postings, holds, digests. Read-only."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from credits.admin.readonly import ReadOnly
from credits.models import Account, Clawback, Digest, Hold, Maturing, Posting, Repayment, Takeback, Transaction, Wallet


def as_hex(value: bytes | memoryview | None) -> str:
    """A hash as text."""
    return bytes(value).hex() if value else ""


class PostingInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """A transaction's postings."""

    model = Posting
    extra = 0
    fields = ("account", "unit", "amount", "wallet_id", "seq", "balance")
    readonly_fields = ("wallet_id",)
    ordering = ("id",)


@admin.register(Transaction)
class TransactionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What moved, whose, why and when."""

    list_display = ("id", "created_at", "user_id", "kind", "reference", "key")
    list_filter = ("kind",)
    search_fields = ("=user__username", "=key", "=reference")
    ordering = ("-id",)
    fields = ("user", "kind", "reference", "key", "api_key_id", "limit_day", "entitlement_id", "reverses_id", "created_at")
    inlines: ClassVar = [PostingInline]


@admin.register(Posting)
class PostingAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Single postings, for a look at one account."""

    list_display = ("id", "transaction_id", "account", "unit", "amount", "wallet_id", "seq", "balance")
    list_filter = ("unit",)
    search_fields = ("=account", "=wallet__user__username")
    ordering = ("-id",)
    fields = ("transaction", "account", "unit", "amount", "wallet", "seq", "balance", "hash_hex")
    readonly_fields = ("hash_hex",)

    @admin.display(description="hash")
    def hash_hex(self, posting: Posting) -> str:
        """The chain's link."""
        return as_hex(posting.hash)


@admin.register(Wallet)
class WalletAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What users have."""

    list_display = (
        "user", "paid", "bonus", "held_paid", "held_bonus", "coins_pending", "coins", "coins_leaving", "spent", "shortfall", "disputes",
        "seq",
    )  # fmt: skip
    list_select_related = ("user",)
    search_fields = ("=user__username",)
    ordering = ("-user_id",)
    fields = (*list_display, "head_hex", "bonus_is_free", "pays_pending_until")
    readonly_fields = ("head_hex",)

    @admin.display(description="head")
    def head_hex(self, wallet: Wallet) -> str:
        """The last link of the chain."""
        return as_hex(wallet.head)


@admin.register(Hold)
class HoldAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What is set apart, and how it ended."""

    list_display = ("id", "created_at", "wallet_id", "reference", "paid", "bonus", "state", "charged", "resolved_at")
    list_filter = ("state",)
    search_fields = ("=wallet__user__username", "=reference")
    ordering = ("-id",)


@admin.register(Maturing)
class MaturingAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Coins that still mature, and when the others did."""

    list_display = ("id", "wallet_id", "transaction_id", "amount_hundredths", "matures_at", "settled_by_id")
    search_fields = ("=wallet__user__username",)
    ordering = ("-id",)


class RepaymentInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """What repaid a take-back's shortfall."""

    model = Repayment
    extra = 0
    fields = ("transaction_id", "paid", "bonus")
    readonly_fields = ("transaction_id",)
    ordering = ("id",)


@admin.register(Takeback)
class TakebackAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What buyers had to give back, and what they owe of it."""

    list_display = (
        "id",
        "created_at",
        "user_id",
        "reference",
        "paid",
        "bonus",
        "shortfall",
        "repaid_paid",
        "repaid_bonus",
        "restored_by_id",
    )
    search_fields = ("=user__username", "=reference")
    ordering = ("-id",)
    inlines: ClassVar = [RepaymentInline]


@admin.register(Clawback)
class ClawbackAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What disputed credits had become at others, and where it is."""

    list_display = (
        "id", "created_at", "reference", "payer_id", "recipient_id", "credits", "pending", "coins", "blocked", "lost", "due_at",
        "settled_at",
    )  # fmt: skip
    search_fields = ("=reference", "=payer__username", "=recipient__user__username")
    ordering = ("-id",)


@admin.register(Account)
class AccountAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The platform's own accounts."""

    list_display = ("code", "purpose")
    ordering = ("code",)


@admin.register(Digest)
class DigestAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The daily fingerprints."""

    list_display = ("day", "wallets", "last_posting_id", "digest_hex", "taken_at")
    ordering = ("-day",)
    fields = list_display
    readonly_fields = ("digest_hex",)

    @admin.display(description="digest")
    def digest_hex(self, digest: Digest) -> str:
        """The fingerprint as it is printed."""
        return as_hex(digest.digest)
