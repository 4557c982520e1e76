"""GET users/balance and users/fund-records (002 §4.3, §4.4)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from config.contracts.shared_v1.times import local
from config.contracts.stargraph.schema import ORDER, PAGE, PAGE_SIZE, answers, page, sorted_by
from config.contracts.stargraph.views import StargraphView
from config.kernel import clock
from config.kernel.ids import parse_uuid
from credits.api.reference import Subjects, subjects_of
from credits.api.stargraph import words
from credits.selectors.records import held_after, records_page, used_of
from credits.selectors.wallet import LedgerRow, balance_of
from credits.states import Kind
from generation.selectors.named import names_of

SORTS = ("createTime",)


class BalanceOutput(serializers.Serializer[Any]):
    balance = serializers.IntegerField(help_text="Available and frozen.")
    freezed = serializers.IntegerField()
    available = serializers.IntegerField()
    todayUsed = serializers.IntegerField(help_text="A day of Asia/Shanghai; what came back is taken off the day on which it was used.")
    monthUsed = serializers.IntegerField()


class FundRecordOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=words.TYPES)
    amount = serializers.IntegerField(help_text="What came or went; of FREEZE and UNFREEZE: what the frozen part took or gave back.")
    balance = serializers.IntegerField(help_text="Available and frozen credits right after, as in users/balance.")
    reason = serializers.CharField()
    taskId = serializers.CharField(allow_null=True)
    createTime = serializers.CharField(help_text="UTC+8, without zone")


class BalanceView(StargraphView):
    """`GET users/balance`."""

    scope = "profile"

    @extend_schema(summary="The caller's credits", responses=answers("StargraphBalance", BalanceOutput(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        balance = balance_of(self.principal.user_id)
        today, month = used_of(self.principal.user_id, clock.now())
        data = {
            "balance": balance.available + balance.held,
            "freezed": balance.held,
            "available": balance.available,
            "todayUsed": today,
            "monthUsed": month,
        }
        return self.success("success", data)


class FundRecordsView(StargraphView):
    """`GET users/fund-records`."""

    scope = "profile"

    @extend_schema(
        summary="What changed the credits",
        parameters=[PAGE, PAGE_SIZE, sorted_by(SORTS), ORDER, OpenApiParameter("type", str, enum=words.TYPES)],
        responses=answers("FundRecords", page("FundRecords", FundRecordOutput), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        asked, user_id = self.page_asked(SORTS), self.principal.user_id
        kinds = words.kinds_of(self.chosen("type", words.TYPES))
        found = records_page(user_id, kinds=kinds, page=asked.page, page_size=asked.page_size, ascending=asked.ascending)
        subjects = subjects_of(user_id, found.rows)
        names, held = names_of(user_id=user_id, uuids=subjects.task_kinds), held_after(user_id, found.rows)
        return self.page(asked, [_record(row, subjects, names, held[row.transaction_id]) for row in found.rows], found.total)


def _record(row: LedgerRow, subjects: Subjects, names: dict[Any, str], held: int) -> dict[str, Any]:
    """One transaction in the document's words; `held` credits were frozen right after it."""
    is_move = row.kind in (Kind.HOLD, Kind.RELEASE)
    return {
        "id": row.transaction_id,
        "type": words.WORDS[row.kind][0],
        "amount": row.credits if is_move else row.credits + row.held,
        "balance": (row.credits_balance or 0) + held,
        "reason": words.reason(row, subjects),
        "taskId": names.get(parse_uuid(row.reference.rpartition(":")[2])),
        "createTime": local(row.created_at),
    }
