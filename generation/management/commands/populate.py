"""`manage.py populate`: many users with money, keys and sessions, and a million tasks by COPY, to measure with."""

from __future__ import annotations

import datetime as dt
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts.models import ApiKey, EventHead, Session, User
from accounts.services.token import token_issue
from config.kernel import clock, ids
from credits.services.campaign import campaign_create
from credits.services.wallet import grant, wallet_open

LIFE_S = 30 * 86_400
MONEY_CREDITS = 1_000_000
LISTED_SHARE = 50
"""One task in so many belongs to the first user, whose list is measured."""
COLUMNS = (
    "uuid, user_id, kind, offer, alias, params, status, progress, cost_credits, estimate_s, is_clean, priority, webhook_url, "
    "callback_token, error_code, error_message, lease_owner, faults, deadline_at, created_at, updated_at, completed_at"
)


class Command(BaseCommand):
    help = "Fill an empty database for measuring: users with sessions, keys and bonus credits, and finished tasks that cost nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--users", type=int, default=2000)
        parser.add_argument("--tasks", type=int, default=1_000_000)
        parser.add_argument("--tokens", type=Path, help="Write `token key task` lines of 1,000 users here.")

    def handle(self, *_args: Any, users: int, tasks: int, tokens: Path | None, **_options: Any) -> None:
        if User.objects.filter(username="load-1").exists():
            raise CommandError("this database is populated already")
        now = clock.real_now()
        made = self._users(users, now)
        keys = self._keys(made, now)
        sessions = self._sessions(made, now)
        self._money(made, now)
        newest = self._tasks(made, tasks, now)
        if tokens:
            tokens.write_text("".join(_lines(made[:1000], sessions, keys, newest, now)))
        self.stdout.write(f"{users} users, {tasks} tasks")

    def _users(self, count: int, now: dt.datetime) -> list[User]:
        users = [User(username=f"load-{number}", password=make_password(None), created_at=now) for number in range(1, count + 1)]
        User.objects.bulk_create(users, batch_size=1000)
        EventHead.objects.bulk_create([EventHead(user=user) for user in users], batch_size=1000)
        return users

    def _keys(self, users: list[User], now: dt.datetime) -> dict[int, str]:
        keys = {user.pk: ids.secret_token("ak_") for user in users}
        rows = [
            ApiKey(
                user=user, name="load", prefix=keys[user.pk][:8], digest=ids.digest(keys[user.pk]), scopes=["generation", "tasks"],
                webhook_secret=ids.secret_token("whsec_"), created_at=now, last_used_at=now + dt.timedelta(days=1),
            )
            for user in users
        ]  # fmt: skip
        ApiKey.objects.bulk_create(rows, batch_size=1000)
        return keys

    def _sessions(self, users: list[User], now: dt.datetime) -> dict[int, uuid.UUID]:
        rows = [
            Session(
                user=user, form=Session.Form.BODY, access_life_s=LIFE_S, refresh_life_s=LIFE_S,
                opened_at=now, last_used_at=now + dt.timedelta(days=1), expires_at=now + dt.timedelta(seconds=LIFE_S),
            )
            for user in users
        ]  # fmt: skip
        Session.objects.bulk_create(rows, batch_size=1000)
        return {row.user_id: row.id for row in rows}

    def _money(self, users: list[User], now: dt.datetime) -> None:
        """Bonus credits of a campaign made for it: nobody's money, and the books balance."""
        with transaction.atomic():
            campaign_create(slug="load", budget_credits=len(users) * MONEY_CREDITS)
            for user in users:
                wallet_open(user_id=user.pk)
                grant(user_id=user.pk, key="load", kind="gift", ref="load", bonus=MONEY_CREDITS, source="campaign:load", at=now)

    def _tasks(self, users: list[User], count: int, now: dt.datetime) -> dict[int, uuid.UUID]:
        """`count` finished tasks, the newest of each user by name; one in 50 is the first user's."""
        newest: dict[int, uuid.UUID] = {}
        constant = (
            "text-to-video", "video/text-to-video", "sora2", '{"prompt": "x", "quality": "standard", "aspect_ratio": "landscape"}',
            "SUCCEEDED", 100.0, 0, 180, True, 0, "", "", "", "", "", 0,
        )  # fmt: skip
        with connection.cursor() as cursor, cursor.copy(f"COPY generation_task ({COLUMNS}) FROM STDIN") as copy:
            for number in range(count):
                user = users[0] if number % LISTED_SHARE == 0 else users[(number - number // LISTED_SHARE) % len(users)]
                newest[user.pk] = task_uuid = uuid.uuid4()
                at = now - dt.timedelta(seconds=count - number)
                copy.write_row((task_uuid, user.pk, *constant, at, at, at, at))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) generation_task")
        return newest


def _lines(
    users: list[User], sessions: dict[int, uuid.UUID], keys: dict[int, str], newest: dict[int, uuid.UUID], now: dt.datetime
) -> list[str]:
    """`token key task` of each user, as the load script reads them."""
    lines = []
    for user in users:
        token = token_issue(kind="access", user_id=user.pk, session_id=sessions[user.pk], life_s=LIFE_S, at=now)
        lines.append(f"{token} {keys[user.pk]} {newest[user.pk]}\n")
    return lines
