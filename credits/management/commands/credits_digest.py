"""`manage.py credits_digest`: takes and prints today's digest of the books."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config.kernel import clock
from credits.services.digest import digest_take


class Command(BaseCommand):
    """Keep what it prints where the operators of the database cannot change it."""

    help = "Take today's digest of all wallets' chains and print it."

    def handle(self, *args: Any, **options: Any) -> None:
        taken = digest_take(at=clock.now())
        self.stdout.write(f"{taken.day} {bytes(taken.digest).hex()} {taken.wallets} wallets, postings up to {taken.last_posting_id}")
