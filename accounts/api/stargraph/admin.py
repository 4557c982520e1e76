"""admin/users and its {ban, unban}: left out of the document, designed in its style (contracts/README.md); for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from accounts.exceptions import UserNotFound
from accounts.models import User
from accounts.selectors.people import STATUSES, status_of, users_page
from accounts.services.phone import phone_parse
from accounts.services.user import user_ban
from config.contracts.shared_v1.times import local
from config.contracts.stargraph.fields import PromptField, StrictCharField
from config.contracts.stargraph.schema import ORDER, PAGE, PAGE_SIZE, answers, page, sorted_by
from config.contracts.stargraph.views import StargraphView
from config.kernel.errors import FieldError, InvalidInput
from credits.selectors.wallet import balances_of
from generation.selectors.overview import task_counts

SORTS = {"createTime": "created_at", "lastLoginTime": "last_login_at", "username": "username"}
STATUS_NAMES = list(STATUSES)
KEYWORD_MAX = 100
REASON_MAX = 200
NUMBER_MOST = 2**63 - 1
LOCAL = "UTC+8, without zone"
USER_ID = OpenApiParameter("user_id", int, OpenApiParameter.PATH)


class UserSummaryOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    nickname = serializers.CharField()
    avatar = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(choices=["USER", "ADMIN"])
    status = serializers.ChoiceField(choices=STATUS_NAMES, help_text="DELETING: may come back for 30 days.")
    balance = serializers.IntegerField(help_text="Available and frozen credits.")
    freezed = serializers.IntegerField()
    taskCount = serializers.IntegerField(help_text="Exact up to 10,000.")
    createTime = serializers.CharField(help_text=LOCAL)
    lastLoginTime = serializers.CharField(allow_null=True, help_text=LOCAL)
    banTime = serializers.CharField(allow_null=True, help_text=LOCAL)


class BanInput(serializers.Serializer[Any]):
    reason = PromptField(max_length=REASON_MAX, help_text="Kept in the console's history; the user is told.")


class UnbanInput(serializers.Serializer[Any]):
    reason = StrictCharField(max_length=REASON_MAX, allow_blank=True, required=False, default="")


class UsersView(StargraphView):
    """`GET admin/users`."""

    operators_only = True

    @extend_schema(
        summary="People, for operators",
        parameters=[
            PAGE, PAGE_SIZE, sorted_by(list(SORTS)), ORDER, OpenApiParameter("status", str, enum=STATUS_NAMES),
            OpenApiParameter("keyword", str, description="Part of a name, an id, or a whole proven phone or e-mail."),
        ],
        responses=answers("Users", page("Users", UserSummaryOutput), 400, 401, 403),
    )  # fmt: skip
    def get(self, request: HttpRequest) -> HttpResponse:
        asked, keyword = self.page_asked(list(SORTS)), _keyword(request)
        found = users_page(
            page=asked.page,
            page_size=asked.page_size,
            keyword=keyword,
            subjects=_subjects(keyword),
            status=self.chosen("status", STATUS_NAMES),
            sort=SORTS[asked.sort],
            ascending=asked.ascending,
        )
        return self.page(asked, _summaries(found.users), found.total)


class _DecisionView(StargraphView):
    """An operator's decision about one user."""

    operators_only = True

    def decided(self, user_id: str, reason: str, *, banned: bool) -> HttpResponse:
        """The user as they stand now. Raises UserNotFound, NotAllowed."""
        if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 20 and 0 < int(user_id) <= NUMBER_MOST):
            raise UserNotFound()
        user = user_ban(user_id=int(user_id), banned=banned, by=self.principal.user_id, reason=reason)
        return self.success("用户已封禁" if banned else "用户已解封", _summaries([user])[0])


class BanView(_DecisionView):
    """`POST admin/users/{id}/ban`."""

    @extend_schema(
        summary="Ban a user: signed out everywhere at once",
        parameters=[USER_ID],
        request=BanInput,
        responses=answers("BannedUser", UserSummaryOutput(), 400, 401, 403, 404),
    )
    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        return self.decided(user_id, self.validated(BanInput)["reason"], banned=True)


class UnbanView(_DecisionView):
    """`POST admin/users/{id}/unban`."""

    @extend_schema(
        summary="Take a ban back",
        parameters=[USER_ID],
        request=UnbanInput,
        responses=answers("UnbannedUser", UserSummaryOutput(), 400, 401, 403, 404),
    )
    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        return self.decided(user_id, self.validated(UnbanInput)["reason"], banned=False)


def _keyword(request: HttpRequest) -> str:
    keyword = request.GET.get("keyword", "").strip()
    if len(keyword) > KEYWORD_MAX or not keyword.isprintable():
        raise InvalidInput(FieldError(("query", "keyword"), f"应为不超过 {KEYWORD_MAX} 个可见字符"))
    return keyword


def _subjects(keyword: str) -> list[str]:
    """The proven phones and addresses that `keyword` may be in any of their spellings."""
    try:
        return [keyword, keyword.lower(), phone_parse(keyword)]
    except InvalidInput:
        return [keyword, keyword.lower()]


def _summaries(users: Sequence[User]) -> list[dict[str, Any]]:
    """These users in the document's manner. Two statements."""
    ids = [user.pk for user in users]
    balances, counts = balances_of(ids), task_counts(ids)
    return [
        {
            "id": user.pk,
            "username": user.username,
            "nickname": user.nickname or user.username,
            "avatar": user.avatar_url or None,
            "role": "ADMIN" if user.is_staff else "USER",
            "status": status_of(user),
            "balance": balances[user.pk].available + balances[user.pk].held,
            "freezed": balances[user.pk].held,
            "taskCount": counts[user.pk],
            "createTime": local(user.created_at),
            "lastLoginTime": local(user.last_login_at),
            "banTime": local(user.banned_at),
        }
        for user in users
    ]
