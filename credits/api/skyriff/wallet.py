"""GET /v1/me/wallets and GET /v1/wallet/ledgers (004 §4)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from config.contracts.skyriff.errors import cny
from config.contracts.skyriff.schema import CURSOR, LIMIT, answers, page
from config.contracts.skyriff.views import SkyriffView
from config.kernel.clock import iso_z
from credits.api.reference import Subjects, subjects_of
from credits.api.skyriff import words
from credits.selectors.statement import maturing_of
from credits.selectors.wallet import LedgerRow, balance_of, ledger_page
from credits.states import Unit


class CreditsOut(serializers.Serializer[Any]):
    balance = serializers.IntegerField()


class PendingOut(serializers.Serializer[Any]):
    amount = serializers.FloatField(help_text="Coins.")
    unlock_at = serializers.DateTimeField()
    source = serializers.CharField()  # type: ignore[assignment]  # the document's name, not the attribute of a DRF field


class CoinsOut(serializers.Serializer[Any]):
    available = serializers.FloatField()
    pending = serializers.FloatField()
    pending_details = PendingOut(many=True, help_text="The soonest 100.")


class WalletsOut(serializers.Serializer[Any]):
    credits = CreditsOut()
    coins = CoinsOut()


class LedgerOut(serializers.Serializer[Any]):
    ledger_id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=words.TYPES)
    amount = serializers.FloatField(help_text="Credits, or coins.")
    balance_after = serializers.FloatField()
    description = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class WalletsView(SkyriffView):
    scope = "profile"

    @extend_schema(operation_id="wallets", summary="The caller's credits and coins", responses=answers("Wallets", WalletsOut(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        """What the caller has; credits that are held do not count."""
        balance = balance_of(self.principal.user_id)
        details = [
            {"amount": cny(row.amount_hundredths), "unlock_at": iso_z(row.matures_at), "source": words.income(row.kind)}
            for row in maturing_of(self.principal.user_id)
        ]
        coins = {"available": cny(balance.coins), "pending": cny(balance.coins_pending), "pending_details": details}
        return self.success({"credits": {"balance": balance.available}, "coins": coins})


class LedgersView(SkyriffView):
    scope = "profile"

    @extend_schema(
        operation_id="ledgers",
        summary="What changed the caller's credits or coins",
        parameters=[OpenApiParameter("type", str, enum=[Unit.CREDITS, Unit.COINS], description="Default: credits."), CURSOR, LIMIT],
        responses=answers("Ledgers", page("Ledgers", LedgerOut), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """The caller's transactions in one unit, newest first."""
        unit = Unit(self.chosen("type", [Unit.CREDITS, Unit.COINS], Unit.CREDITS) or Unit.CREDITS)
        before, limit = self.page_asked(f"ledgers:{unit}")
        rows = ledger_page(self.principal.user_id, limit=limit + 1, before=before, units=(unit,))
        subjects = subjects_of(self.principal.user_id, rows[:limit])
        return self.page(
            f"ledgers:{unit}", rows, limit, render=lambda row: rendered(row, unit, subjects), position=lambda row: row.position
        )


def rendered(row: LedgerRow, unit: Unit, subjects: Subjects) -> dict[str, Any]:
    """One transaction in the contract's words."""
    in_credits = unit == Unit.CREDITS
    return {
        "ledger_id": row.transaction_id,
        "type": words.ledger_type(row),
        "amount": row.credits if in_credits else cny(row.coins),
        "balance_after": row.credits_balance or 0 if in_credits else cny(row.coins_balance or 0),
        "description": words.description(row, subjects),
        "created_at": iso_z(row.created_at),
    }
